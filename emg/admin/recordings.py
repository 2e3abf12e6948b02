from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import action

from emg import reanalysing, scoring
from emg.admin import links, listing, rescoring
from emg.models import Recording
from emg.pages import words
from emg.pages.original import original_file
from emg.pages.over_time import over_time
from emg.pages.picture import picture
from emg.pages.session import page
from emg.pages.words import NOTHING, STATES, shown_state
from omibackend.core import human, queue
from omibackend.core.errors import Refused
from omibackend.core.paging import BoundedPaginator
from omibackend.core.templatetags.ob import chip


class Named:
    """A recording under the name that its page goes by: its own stays in logs, and names nobody."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._meta, self.pk, self.name = recording._meta, recording.pk, name

    def __str__(self) -> str:
        return self.name


class Listed(ChangeList):
    """Adds the flags to the rows of one page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: Any = self.result_list
        flags = listing.flags_of([row.pk for row in rows])
        for row in rows:
            row.flags = flags.get(row.pk, [])


@admin.register(Recording)
class RecordingAdmin(ModelAdmin):
    list_display = ("what", "when", "signal", "score", "state_now")
    list_filter = (listing.StatusFilter, listing.PatientFilter, listing.ScoreFilter, "recorded_at")
    list_per_page = 50
    list_max_show_all = 50
    list_disable_select_all = True
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    ordering = ("-recorded_at", "-id")
    search_fields = ("session_id",)
    search_help_text = "A patient (P039), a session (P039S003) or an id"
    actions = ("score_selected", "reanalyse")
    actions_detail = (
        "compare",
        "score_again",
        {
            "title": "More",
            "icon": "more_vert",
            "items": ["csv", "pdf", "original", "analyse_again"],
        },
    )
    change_form_template = "admin/emg/recording/page.html"
    fields = ("session_id",)

    # --- the list ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recording]:
        return Recording.objects.select_related("owner", "profile")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return Listed

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
            '<span class="ob-num"><b class="ob-score">{}</b> <span class="ob-second">{}</span></span>',
            NOTHING if value is None else f"{value:.0f}",
            f"good {' · '.join(repetitions)}" if repetitions else "",
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

    # --- one recording ----------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        recording = self.get_object(request, object_id)
        extra: dict[str, Any] = {}
        if recording:
            shown = page(
                recording,
                links=links.of(recording, request.user),
                may_see_signals=request.user.has_perm("emg.view_signal"),
            )
            extra = {"page": shown, "original": Named(recording, shown.title)}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **extra})  # type: ignore[no-any-return]

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        own = [
            path("<uuid:pk>/over-time/", guard(self.over_time), name="emg_recording_over_time"),
            path("<uuid:pk>/rescore/", guard(self.rescore), name="emg_recording_rescore"),
            path("<uuid:pk>/picture/", guard(self.picture), name="emg_recording_picture"),
            path("<uuid:pk>/file/", guard(self.file), name="emg_recording_file"),
        ]
        return [*own, *super().get_urls()]

    def over_time(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        recording = self._seen(request, pk)
        shown = over_time(recording, scoring.profile_of(recording), links.session)
        return self._page(
            request, "over_time", f"{words.name_of(recording)} over time", recording, shown
        )

    def rescore(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        recording = self._seen(request, pk)
        if not self.has_rescore_permission(request):
            raise PermissionDenied
        form = rescoring.RescoreForm(request.POST or None, recording=recording)
        if request.method == "POST" and form.is_valid():
            before = (recording.scores or {}).get("overall")
            scores = scoring.rescore(recording, form.given()) or {}
            self.log_change(request, recording, "Scored again.")
            said = rescoring.told(before, scores.get("overall"))
            self.message_user(request, said, messages.SUCCESS)
            return redirect(links.session(recording.pk))
        title = f"{words.title_of(recording)} · score again"
        return self._page(request, "rescore", title, recording, {"form": form})

    def file(self, request: HttpRequest, pk: UUID) -> HttpResponseBase:
        recording = self._seen(request, pk)
        if not self.has_original_permission(request):
            raise PermissionDenied
        try:
            return original_file(recording)
        except Refused as error:
            self.message_user(request, error.detail, messages.WARNING)
            return redirect(links.session(recording.pk))

    def picture(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        recording = self._seen(request, pk)
        if not request.user.has_perm("emg.view_signal"):
            raise PermissionDenied
        return picture(recording, request.GET.get("channel", ""))

    def _seen(self, request: HttpRequest, pk: UUID) -> Recording:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Recording.objects.select_related("owner", "profile"), pk=pk)

    def _page(
        self, request: HttpRequest, name: str, title: str, recording: Recording, page: Any
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": Named(recording, title),
            "title": title,
            "page": page,
        }
        return TemplateResponse(request, f"admin/emg/recording/{name}.html", context)

    # --- what can be done with it -----------------------------------------------

    def has_rescore_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("emg.rescore_recording"))

    def has_reanalyse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("emg.reanalyse_recording"))

    def has_original_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The file holds every sample, and may name the patient."""
        return bool(request.user.has_perms(["emg.view_recording", "emg.view_signal"]))

    @action(description="Over time", icon="timeline", permissions=["view"], url_path="compare")
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:emg_recording_over_time", args=[object_id]))

    @action(
        description="Score again",
        icon="calculate",
        permissions=["rescore"],
        url_path="score-again",
    )
    def score_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:emg_recording_rescore", args=[object_id]))

    @action(description="CSV", icon="csv", permissions=["view"], url_path="csv")
    def csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(links.report(object_id, "csv"))

    @action(description="PDF report", icon="picture_as_pdf", permissions=["view"], url_path="pdf")
    def pdf(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(links.report(object_id, "pdf"))

    @action(
        description="Original C3D",
        icon="download",
        permissions=["original"],
        url_path="original",
    )
    def original(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:emg_recording_file", args=[object_id]))

    @action(
        description="Analyse again",
        icon="refresh",
        permissions=["reanalyse"],
        url_path="analyse-again",
        dialog={
            "title": "Analyse this recording again?",
            "description": "Its file is read again if it or the parameters have changed. What "
            "therapists added stays.",
            "form_class": None,
            "form_submit_text": "Analyse again",
        },
    )
    def analyse_again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._analysed(request, Recording.objects.filter(pk=object_id))
        link = links.session(object_id)
        if request.headers.get("HX-Request"):
            return HttpResponse(headers={"HX-Redirect": link})
        return redirect(link)

    @admin.action(description="Analyse again", permissions=["reanalyse"])
    def reanalyse(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        self._analysed(request, Recording.objects.filter(pk__in=[row.pk for row in queryset]))

    def _analysed(self, request: HttpRequest, rows: QuerySet[Recording]) -> None:
        marked = max(reanalysing.mark(rows), default=0)
        if not marked:
            said = "Nothing was marked: it is being analysed right now."
            self.message_user(request, said, messages.WARNING)
            return
        queue.wake("emg")
        said = f"{human.several(marked, 'recording')} will be analysed again."
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description="Score again, nothing changed", permissions=["rescore"])
    def score_selected(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        scored = [scoring.rescore(row, {}) for row in queryset]
        said = f"{human.several(len(scored), 'recording')} scored with the constants of now."
        self.message_user(request, said, messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
