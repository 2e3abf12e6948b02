from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from emg import report
from emg.api.base import SESSION, UNSHOWN, SessionView, operation
from emg.api.filters import SessionFilter
from emg.api.serializers.sessions import (
    RescoreSerializer,
    SessionDetailSerializer,
    SessionSerializer,
)
from emg.models import Recording
from emg.recordings import scoring
from emg.recordings.registry import visible_to
from omibackend.core.api.pages import Pages
from omibackend.core.api.requests import AnyAccept, given

VIEW = "emg.view_recording"
SIGNALS = "emg.view_signal"
RESCORE = "emg.rescore_recording"


class SessionsView(SessionView, ListAPIView[Recording]):
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    pagination_class = Pages

    def get_queryset(self) -> QuerySet[Recording]:
        return visible_to(self.request.user, VIEW).defer(*UNSHOWN, "analytics")

    @operation("emg_sessions")
    def get(self, request: Request) -> Response:
        """Recordings, the latest first; by patient, status and time."""
        return self.list(request)


class SessionDetailView(SessionView):
    @operation("emg_session", parameters=[SESSION], responses=SessionDetailSerializer)
    def get(self, request: Request, session_id: str) -> Response:
        """One recording: what is in the file, what was measured of each channel, and its score.
        The parameters need clinical validation."""
        return Response(SessionDetailSerializer(self.recording(session_id, VIEW)).data)


class RescoreView(SessionView):
    @operation(
        "emg_rescore",
        parameters=[SESSION],
        request=RescoreSerializer,
        responses=SessionDetailSerializer,
        shows="emg_session",
    )
    def post(self, request: Request, session_id: str) -> Response:
        """Score again with changed targets, exertion, pressure, game points or profile: at once,
        from what is stored, without the file."""
        recording = self.recording(session_id, RESCORE)
        changes = given(RescoreSerializer, request.data, context={"recording": recording})
        scoring.rescore(recording, changes)
        again = Recording.objects.select_related("profile").defer(*UNSHOWN).get(pk=recording.pk)
        return Response(SessionDetailSerializer(again).data)


class ReportView(SessionView):
    content_negotiation_class = AnyAccept

    @operation(
        "emg_report",
        parameters=[
            SESSION,
            OpenApiParameter("format", enum=list(report.FORMATS), default="pdf"),
        ],
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            (200, "text/csv"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, session_id: str) -> HttpResponse:
        """A session to print or to calculate with: score, sides, contractions, and what is wrong
        with the recording in words. The PDF has a plot for who may see signals, as long as the
        file can be read."""
        wanted = request.query_params.get("format", "pdf")
        if wanted not in report.FORMATS:
            raise ValidationError({"format": "One of: " + ", ".join(report.FORMATS)})
        recording = self.recording(session_id, VIEW)
        sees_signals = visible_to(request.user, SIGNALS).filter(pk=recording.pk).exists()
        response = HttpResponse(
            report.written(recording, wanted, with_signals=sees_signals),
            content_type=report.FORMATS[wanted],
        )
        response["Content-Disposition"] = f'attachment; filename="emg-{recording.pk}.{wanted}"'
        response["Cache-Control"] = "private, no-store"
        return response
