"""The routes of storage senders beside the canonical one."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from emg.api.serializers.sessions import RecordingMetadataSerializer
from emg.models import Recording, Status
from emg.recordings.registry import find, visible_to
from omibackend.accounts.api.authentication import BearerAuthentication
from omibackend.accounts.models import Scope
from omibackend.core.api.examples import examples
from webhooks.inbox import authentication
from webhooks.inbox.fast_path.view import LeanView, WebhookErrorSerializer
from webhooks.inbox.provider import KnownEndpoint
from webhooks.inbox.receiver import receive
from webhooks.providers.storage import STORAGE, STORAGE_WAITING

ERRORS = dict.fromkeys((400, 401, 411, 413, 415, 429, 503), WebhookErrorSerializer)
EXAMPLES = examples("webhooks.providers.storage")


class UploadSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    session_id = serializers.CharField(allow_null=True, help_text="null: nothing to analyse")
    metadata = RecordingMetadataSerializer(allow_null=True)
    analytics_status = serializers.ChoiceField(["processing", "completed", "failed", "ignored"])
    reason = serializers.CharField(required=False, help_text="why it is ignored or has failed")
    duplicate = serializers.BooleanField(required=False)


class AnalysedUploadSerializer(UploadSerializer):
    analytics = serializers.DictField(required=False, help_text="by channel")
    scores = serializers.DictField(required=False, allow_null=True)


class StorageUploadView(LeanView):
    @extend_schema(
        operation_id="c3d_upload_optimized",
        request={"application/json": OpenApiTypes.OBJECT},
        responses={200: UploadSerializer, **ERRORS},
        examples=EXAMPLES["c3d_upload_optimized"],
        auth=[],
        tags=["webhooks"],
    )
    def post(self, request: Request) -> HttpResponse:
        """A new C3D file in a bucket: stored, answered with what is in it, then analysed."""
        return receive(request._request, STORAGE, None)

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, auth=[], tags=["webhooks"])
    def get(self, request: Request) -> HttpResponse:
        """The sender's own check that the address answers."""
        return STORAGE.answer_check()


class WaitingUploadView(StorageUploadView):
    @extend_schema(
        operation_id="c3d_upload",
        request={"application/json": OpenApiTypes.OBJECT},
        responses={
            200: AnalysedUploadSerializer,
            202: OpenApiResponse(UploadSerializer, "still being analysed"),
            **ERRORS,
        },
        examples=EXAMPLES["c3d_upload"],
        auth=[],
        tags=["webhooks"],
    )
    def post(self, request: Request) -> HttpResponse:
        """The same delivery, answered with its analytics if they are ready within
        REQUEST_TIMEOUT; else 202, and the status route tells when they are."""
        return receive(request._request, STORAGE_WAITING, None)


class EndpointAuthentication(BaseAuthentication):
    """The endpoint's own token, which stands for its owner."""

    def authenticate(self, request: Request) -> tuple[Any, KnownEndpoint] | None:
        offered = authentication.offered_token(request._request, None)
        found = authentication.known_by(STORAGE, offered) if offered else []
        if not found:
            if "X-Webhook-Token" in request.headers:
                raise AuthenticationFailed("X-Webhook-Token is no storage endpoint's token.")
            return None
        return get_user_model().objects.get(pk=found[0].owner_id), found[0]

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class EndpointTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = EndpointAuthentication
    name = "endpointToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Webhook-Token"}


class StorageStatusSerializer(serializers.Serializer[Recording]):
    session_id = serializers.CharField()
    id = serializers.UUIDField()
    status = serializers.ChoiceField(Status.choices)
    reason = serializers.CharField(help_text="in words; empty when all is well")
    progress_percent = serializers.IntegerField()
    metadata = RecordingMetadataSerializer(allow_null=True)
    analysed_at = serializers.DateTimeField(allow_null=True)


class StorageStatusView(APIView):
    """How far a recording is. For the sender, its owner, and staff who may see recordings."""

    authentication_classes = (EndpointAuthentication, BearerAuthentication, SessionAuthentication)
    scope = Scope.EMG

    @extend_schema(
        operation_id="storage_status",
        responses={200: StorageStatusSerializer},
        examples=EXAMPLES["storage_status"],
        tags=["webhooks"],
    )
    def get(self, request: Request, session_id: str) -> Response:
        """Whether a file is analysed: pending, processing, completed or failed, and why."""
        recording = find(_rows(request), session_id)
        if recording is None:
            raise NotFound("There is no such session.")
        return Response(StorageStatusSerializer(recording).data)


def _rows(request: Request) -> QuerySet[Recording]:
    if isinstance(request.auth, KnownEndpoint):
        return Recording.objects.filter(owner=request.auth.owner_id)
    return visible_to(request.user)
