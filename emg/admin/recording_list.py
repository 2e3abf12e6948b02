"""The list of recordings in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from emg.admin import listing
from emg.models import Recording
from emg.pages import words
from emg.pages.words import NOTHING, STATES, shown_state
from omibackend.core.admin.lists import PageAdmin, ReadOnlyAdmin
from omibackend.core.show import human
from omibackend.core.templatetags.ob import chip


class ListedRecordings(ChangeList):
    """Adds the flags to the rows of one page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = self.result_list
        flags = listing.flags_of([row.pk for row in rows])
        for row in rows:
            row.flags = flags.get(row.pk, [])


class RecordingList(PageAdmin, ReadOnlyAdmin):
    list_display = ("what", "when", "signal", "score", "state_now")
    list_filter = (listing.StatusFilter, listing.PatientFilter, listing.ScoreFilter, "recorded_at")
    list_max_show_all = 50
    list_disable_select_all = True
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-recorded_at", "-id")
    search_fields = ("session_id",)
    search_help_text = "A patient (P039), a session (P039S003) or an id"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return Recording.objects.select_related("owner", "profile")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return ListedRecordings

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Recording], search_term: str
    ) -> tuple[QuerySet[Recording], bool]:
        # Only the list comes by here, and its rows do without the heavy columns.
        rows = queryset.defer(*listing.HEAVY_IN_LIST)
        return (
            listing.search(rows, search_term.strip().replace("\x00", "")) if search_term else rows
        ), False

    @admin.display(description="recording")
    def what(self, row: Recording) -> SafeString:
        return format_html(
            '<span class="ob-what"><b>{}</b> <span class="ob-second">{} · {}</span></span>',
            words.name_of(row),
            row.session_code or row.object_path.rpartition("/")[2],
            row.owner,
        )

    @admin.display(description="recorded", ordering="recorded_at")
    def when(self, row: Recording) -> SafeString:
        return format_html('<span class="ob-num">{}</span>', words.minute(row.recorded_at))

    @admin.display(description="signal")
    def signal(self, row: Recording) -> SafeString | str:
        known = row.metadata
        if known is None:
            return NOTHING
        return format_html(
            '<span class="ob-num">{} <span class="ob-second">{}</span></span>',
            human.length(known["duration_seconds"]),
            human.several(known["channel_count"], "channel"),
        )

    @admin.display(description="score")
    def score(self, row: Recording) -> SafeString:
        scores = row.scores or {}
        sides = [scores.get(side) for side in ("left", "right")]
        repetitions = [f"{side['good']}/{side['count']}" for side in sides if side]
        value = scores.get("overall")
        return format_html(
            '<span class="ob-num"><b class="ob-score">{}</b> {}</span>',
            words.whole(value),
            format_html('<span class="ob-second">good {}</span>', " · ".join(repetitions))
            if repetitions
            else "",
        )

    @admin.display(description="state")
    def state_now(self, row: Any) -> SafeString:
        state = shown_state(row)
        marks = [STATES[state]] if state != "done" else []
        marks += words.flags_chip(row.flags)
        drawn = [chip(*mark) for mark in marks or [STATES["done"]]]
        return format_html(
            '<span class="ob-row">{}</span>', format_html_join("", "{}", ((one,) for one in drawn))
        )
