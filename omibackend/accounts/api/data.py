"""Taking one's data along, and leaving."""

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_standardized_errors.openapi import AutoSchema
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts.api.auth import confirm
from omibackend.accounts.api.base import PeopleView, described, operation, person
from omibackend.accounts.api.permissions import OwnDevice
from omibackend.accounts.api.serializers import EraseSerializer, ErasingSerializer, ExportSerializer
from omibackend.accounts.models import Export
from omibackend.accounts.privacy import erasure, export
from omibackend.accounts.privacy.jobs import LANE
from omibackend.core.api.requests import AnyAccept, given
from omibackend.core.api.serializers import ErrorsSerializer
from omibackend.core.work import lanes
from omibackend.core.work.leased import State

STATES = {State.PENDING: "waiting", State.LEASED: "running", State.DEAD: "failed"}
ASK_AGAIN_S = 2
ZIP = "application/zip"


class ExportView(PeopleView):
    permission_classes = (OwnDevice,)
    throttle_scope = "export"
    content_negotiation_class = AnyAccept

    @described(
        "export",
        responses={
            (200, ZIP): OpenApiTypes.BINARY,
            (202, "application/json"): ExportSerializer,
            (404, "application/json"): ErrorsSerializer,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Everything about you, as a zip of JSON, CSV and files.

        It is made in the background. The first request begins it and answers 202, as do the next
        ones, with the progress; ask every few seconds. When it is ready this answers 200 with the
        file, for a day.
        """
        found = export.wanted(person(request).pk)
        if found.state != State.DONE:
            return _not_yet(found)
        try:
            content = default_storage.open(found.file)
        except FileNotFoundError:
            return _not_yet(export.wanted(found.owner_id, fresh=True))
        response = FileResponse(
            content, as_attachment=True, filename="omibackend-export.zip", content_type=ZIP
        )
        response["Cache-Control"] = "private, no-store"
        return response

    @operation("export_again", {202: ExportSerializer}, request=None, shows="export")
    def post(self, request: Request) -> Response:
        """Begin a fresh export, in the place of one that is ready or has failed."""
        return _not_yet(export.wanted(person(request).pk, fresh=True))


def _not_yet(found: Export) -> Response:
    lanes.wake(LANE)
    shown = {
        "state": STATES[State(found.state)],
        "progress": found.progress_percent,
        "requested_at": found.requested_at,
    }
    answer = Response(ExportSerializer(shown).data, status=202)
    answer["Retry-After"] = str(ASK_AGAIN_S)
    return answer


class DeleteWithBody(AutoSchema):
    """OpenAPI lets DELETE have a body; drf-spectacular writes none down."""

    def _get_request_body(self, direction: Any = "request") -> Any:
        kept, self.method = self.method, "POST"
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = kept


class AccountView(PeopleView):
    permission_classes = (OwnDevice,)
    schema = DeleteWithBody()

    @operation("erase", {202: ErasingSerializer}, request=EraseSerializer)
    def delete(self, request: Request) -> Response:
        """Erase your account and everything that it holds, for good.

        At once nothing signs in any more and your endpoints refuse what they are sent. Rows,
        files and copies follow in the background within minutes.
        """
        confirm(request, given(EraseSerializer, request.data).get("password", ""))
        erasure.begin(person(request))
        return Response({"state": "erasing"}, status=202)
