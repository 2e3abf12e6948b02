import gzip

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from emg.api.base import SESSION, SessionView, operation
from emg.api.serializers.signals import SignalSerializer, StretchSerializer
from emg.waveform import reading
from emg.waveform.queries import judged
from omibackend.core.api.serializers import ErrorsSerializer

GZIP_LEVEL = 6
FILE_ERRORS = {
    409: OpenApiResponse(ErrorsSerializer, "The file was replaced since it was analysed."),
    422: OpenApiResponse(ErrorsSerializer, "The file is damaged or too large."),
    503: OpenApiResponse(ErrorsSerializer, "The store of the files does not answer."),
}


class SignalView(SessionView):
    @operation(
        "signal",
        parameters=[
            StretchSerializer,
            OpenApiParameter("channel", str, OpenApiParameter.PATH, description="Its name"),
            SESSION,
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER),
        ],
        responses={
            200: SignalSerializer,
            304: OpenApiResponse(description="As the ETag says, nothing has changed."),
            **FILE_ERRORS,
        },
    )
    def get(self, request: Request, session_id: str, channel: str) -> HttpResponseBase:
        """One channel of a recording, read from its file just now and drawn in buckets: the
        smallest and the largest sample of each, so that no spike disappears, the RMS envelope and
        the contractions. Ask for the visible stretch; the ETag spares what is known already."""
        query = StretchSerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = query.asked(channel)
        recording = self.recording(session_id, "emg.view_signal")
        stored = judged(recording, channel)
        found = reading.find_file(recording)
        encoding = "gzip" if _takes_gzip(request) else "identity"
        etag = reading.etag(found, recording, asked, stored, encoding)
        known = get_conditional_response(request._request, etag=etag)
        response = known or _encoded(reading.read(recording, found, asked, stored), encoding)
        return _kept_privately(response, etag)


def _takes_gzip(request: Request) -> bool:
    """Only if it says so: some programs that say nothing cannot read it."""
    for offer in request.headers.get("Accept-Encoding", "").split(","):
        name, _, quality = offer.strip().lower().partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _encoded(body: bytes, encoding: str) -> HttpResponse:
    headers = {}
    if encoding == "gzip":
        body, headers = gzip.compress(body, GZIP_LEVEL, mtime=0), {"Content-Encoding": "gzip"}
    return HttpResponse(body, content_type="application/json", headers=headers)


def _kept_privately(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    """By the browser alone, which asks each time whether it still holds: a new score changes it."""
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Accept-Encoding", "Authorization", "Cookie"))
    return response
