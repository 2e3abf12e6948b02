from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from emg import jobs, reanalysing, scoring
from emg.models import Recording, ScoringProfile, Status
from emg.services import as_uuid
from omibackend.core import human, queue
from omibackend.core.leased import State
from omibackend.core.paging import BoundedPaginator
from omibackend.core.templatetags.ob import chip

TONES = {
    Status.PENDING: ("info", "schedule"),
    Status.PROCESSING: ("info", "sync"),
    Status.COMPLETED: ("ok", "check"),
    Status.FAILED: ("bad", "error"),
}
LISTED = (
    *("id", "owner", "session_id", "patient_code", "state", "last_error", "analysed_at"),
    *("recorded_at", "size_bytes"),
)


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "waiting or in work"), ("failed", "failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        if self.value() == "waiting":
            return queryset.filter(state__in=(State.PENDING, State.LEASED))
        if self.value() == "failed":
            return queryset.filter(state=State.DEAD)
        return queryset


@admin.register(Recording)
class RecordingAdmin(ModelAdmin):
    list_display = ("session_id", "patient_code", "owner", "status_now", "recorded", "size")
    list_filter = (StatusFilter, "recorded_at")
    list_select_related = ("owner",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    search_fields = ("session_id",)
    search_help_text = "A session (P039S003), a patient (P039), or an id"
    actions = ("reanalyse",)
    readonly_fields = (
        *("session_id", "owner", "patient_code", "bucket", "object_path", "object_version"),
        *("status_now", "last_error", "sha256", "size_bytes", "processing_version", "recorded_at"),
        *("metadata", "scores"),
    )
    fieldsets = (
        (None, {"fields": readonly_fields}),
        ("Score", {"fields": (*scoring.INPUTS,)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return Recording.objects.defer("analytics", "notes", "attempt_log", "became")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recording], search_term: str
    ) -> tuple[QuerySet[Recording], bool]:
        """By what has an index; only the list comes by here."""
        term = search_term.strip().replace("\x00", "")
        rows = queryset.only(*LISTED, "owner__email", "owner__name")
        if not term:
            return rows, False
        named = Q(session_id=term) | Q(session_code=term.upper()) | Q(patient_code=term.upper())
        found = as_uuid(term)
        return rows.filter(named | Q(pk=found) if found else named), False

    @admin.display(description="Status")
    def status_now(self, row: Recording) -> SafeString:
        return chip(*TONES[row.status], row.status.label)

    @admin.display(description="Recorded", ordering="recorded_at")
    def recorded(self, row: Recording) -> str:
        return human.moment(row.recorded_at)

    @admin.display(description="Size")
    def size(self, row: Recording) -> str:
        return "" if row.size_bytes is None else human.size(row.size_bytes)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_reanalyse_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("emg.reanalyse_recording")

    @admin.action(description="Analyse again", permissions=["reanalyse"])
    def reanalyse(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        marked = max(reanalysing.mark(queryset), default=0)
        queue.wake(jobs.LANE)
        self.message_user(request, f"{human.several(marked, 'recording')} will be analysed again.")

    def save_model(self, request: HttpRequest, obj: Recording, form: Any, change: Any) -> None:
        scoring.rescore(obj, {name: getattr(obj, name) for name in form.changed_data})


@admin.register(ScoringProfile)
class ScoringProfileAdmin(ModelAdmin):
    list_display = ("name", "is_default", "updated_at")
