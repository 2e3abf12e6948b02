"""The list of recordings: filters, search and marks whose cost does not grow with the table."""

import json
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from emg.models import Recording
from emg.recordings.registry import HEAVY, as_uuid
from omibackend.core.admin.lists import LookupFilter
from omibackend.core.work.leased import LIVE, State

PATIENTS_FROM = 2000
PATIENTS_KEPT_S = 60
# Scores are small and shown.
HEAVY_IN_LIST = tuple(name for name in HEAVY if name != "scores")
NOT_ANALYSED = Q(state__in=[State.DEAD, State.IGNORED], analysed_at=None)


class StatusFilter(LookupFilter):
    title = parameter_name = "status"
    choosable = {
        "analysed": ("analysed", Q(state=State.DONE)),
        "waiting": ("waiting or running", Q(state__in=LIVE)),
        "failed": ("not analysed", NOT_ANALYSED),
    }


class ScoreFilter(LookupFilter):
    title = parameter_name = "score"
    choosable = {
        "scored": ("scored", Q(scores__overall__isnull=False) & ~Q(scores__overall=None)),
        "rpe": ("without an RPE", Q(rpe=None, state=State.DONE)),
    }


class PatientFilter(admin.SimpleListFilter):
    """Of the newest recordings; any other patient is found by the search."""

    title = parameter_name = "patient"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = cache.get_or_set("recordings:patients", _recent_patients, PATIENTS_KEPT_S) or []
        known = dict.fromkeys([*codes, *filter(None, [self.value()])])
        return [(code, code) for code in sorted(known)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        return queryset.filter(patient_code=self.value()) if self.value() else queryset


def _recent_patients() -> list[str]:
    newest = Recording.objects.order_by("-recorded_at", "-id")
    codes = newest.values_list("patient_code", flat=True)[:PATIENTS_FROM]
    return sorted({code for code in codes if code})


def search(rows: QuerySet[Recording], term: str) -> QuerySet[Recording]:
    """Exactly a patient, a session or an id: what there is an index for."""
    named = Q(session_id=term) | Q(session_code=term.upper()) | Q(patient_code=term.upper())
    found = as_uuid(term)
    return rows.filter(named | Q(pk=found) if found else named)


def flags_of(ids: list[UUID]) -> dict[UUID, list[str]]:
    """By recording, the codes of its quality flags: read out by PostgreSQL, so that the metrics
    themselves stay there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, jsonb_path_query_array(analytics, '$.*.quality[*].code')"
            " FROM emg_recording WHERE id = ANY(%s) AND analytics IS NOT NULL",
            [ids],
        )
        return {pk: list(dict.fromkeys(json.loads(codes))) for pk, codes in cursor.fetchall()}
