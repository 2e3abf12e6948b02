"""What of recordings waits for a person."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from emg.admin.listing import NOT_ANALYSED, flags_of
from emg.models import Recording
from emg.pages.words import FLAGS, SEVERE
from omibackend.core.manifest import Need
from omibackend.core.show.human import several

RECORDINGS_LOOKED_BACK = 500
# Their flags are read out of the metrics, which are long.
RECORDINGS_CHECKED = 30
RECORDED_WITHIN = timedelta(days=2)


def failed_recordings() -> Iterator[Need]:
    """Files that could not be analysed. One that was analysed before stays so, and is no need."""
    newest = Recording.objects.order_by("-id").values("pk")[:RECORDINGS_LOOKED_BACK]
    rows = Recording.objects.filter(NOT_ANALYSED, pk__in=newest)
    dead = list(rows.order_by("id").values_list("pk", "created_at", "last_error"))
    if not dead:
        return
    pk, _, error = dead[-1]
    listed = f"{_recordings()}?{urlencode({'status': 'failed'})}"
    yield Need(
        tone="bad",
        symbol="monitor_heart",
        sentence=f"{several(len(dead), 'recording')} could not be analysed",
        reason=(error or "No error was recorded").rstrip("."),
        since=dead[0][1],
        verb="Look",
        link=f"{_recordings()}{pk}/change/" if len(dead) == 1 else listed,
    )


def unusable_recordings() -> Iterator[Need]:
    """A channel of the latest recordings is flat, too short or without a contraction: the patient
    may still be in the house."""
    since = timezone.now() - RECORDED_WITHIN
    rows = Recording.objects.filter(created_at__gte=since, analysed_at__isnull=False)
    created = dict(rows.order_by("-id").values_list("pk", "created_at")[:RECORDINGS_CHECKED])
    flags = flags_of(list(created))
    bad = [pk for pk in created if SEVERE.intersection(flags.get(pk, ()))]
    if not bad:
        return
    codes = sorted({code for pk in bad for code in SEVERE.intersection(flags[pk])})
    yield Need(
        tone="warn",
        symbol="sensors_off",
        sentence=f"{several(len(bad), 'recording')} with a channel that cannot be scored",
        reason=", ".join(FLAGS[code] for code in codes),
        since=min(created[pk] for pk in bad),
        verb="Look",
        link=f"{_recordings()}{bad[0]}/change/",
    )


def _recordings() -> str:
    return reverse("admin:emg_recording_changelist")
