from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from emg.admin import links, rescoring
from emg.admin.recording_list import RecordingList
from emg.models import Recording
from emg.pages import words
from emg.pages.original import original_file
from emg.pages.over_time import over_time
from emg.pages.picture import picture
from emg.pages.session import page
from emg.recordings import bulk, scoring
from emg.recordings.registry import as_uuid
from omibackend.core.admin.lists import back_to
from omibackend.core.errors import Refused
from omibackend.core.show import human
from omibackend.core.work import lanes


class Named:
    """A recording under the name that its page goes by: its own stays in logs, and names nobody."""

    def __init__(self, recording: Recording, name: str) -> None:
        self._meta, self.pk, self.name = recording._meta, recording.pk, name

    def __str__(self) -> str:
        return self.name


@admin.register(Recording)
class RecordingAdmin(RecordingList):
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

    # --- one recording ----------------------------------------------------------

    def page_context(self, row: Recording, request: HttpRequest) -> dict[str, Any]:
        may_see = request.user.has_perm("emg.view_signal")
        shown = page(row, links=links.of(row, request.user), may_see_signals=may_see)
        return {"page": shown, "original": Named(row, shown["title"])}

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
        try:
            return picture(recording, request.GET.get("channel", ""))
        except Refused as error:
            return error.response()

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

    def has_analysed_permission(self, request: HttpRequest, object_id: Any) -> bool:
        """Without metrics there is nothing to compare, to score or to report."""
        known = as_uuid(str(object_id))
        if known is None or not self.has_view_permission(request):
            return False
        return Recording.objects.filter(pk=known, analytics__isnull=False).exists()

    def has_reanalyse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("emg.reanalyse_recording"))

    def has_original_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """The file holds every sample, and may name the patient."""
        return bool(request.user.has_perms(["emg.view_recording", "emg.view_signal"]))

    @action(description="Over time", icon="timeline", permissions=["analysed"], url_path="compare")
    def compare(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:emg_recording_over_time", args=[object_id]))

    @action(
        description="Score again",
        icon="calculate",
        permissions=["rescore", "analysed"],
        url_path="score-again",
    )
    def score_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:emg_recording_rescore", args=[object_id]))

    @action(description="CSV", icon="csv", permissions=["analysed"], url_path="csv")
    def csv(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(links.report(object_id, "csv"))

    @action(
        description="PDF report", icon="picture_as_pdf", permissions=["analysed"], url_path="pdf"
    )
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
        return back_to(request, links.session(object_id))

    @admin.action(description="Analyse again", permissions=["reanalyse"])
    def reanalyse(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        self._analysed(request, Recording.objects.filter(pk__in=[row.pk for row in queryset]))

    def _analysed(self, request: HttpRequest, rows: QuerySet[Recording]) -> None:
        marked = max(bulk.mark(rows), default=0)
        if not marked:
            said = "Nothing was marked: it is being analysed right now."
            self.message_user(request, said, messages.WARNING)
            return
        lanes.wake("emg")
        said = f"{human.several(marked, 'recording')} will be analysed again."
        self.message_user(request, said, messages.SUCCESS)

    @admin.action(description="Score again, nothing changed", permissions=["rescore"])
    def score_selected(self, request: HttpRequest, queryset: QuerySet[Recording]) -> None:
        scored = [scoring.rescore(row, {}) for row in queryset]
        said = f"{human.several(len(scored), 'recording')} scored with the constants of now."
        self.message_user(request, said, messages.SUCCESS)
