"""The webhook routes."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.transcripts import cache
from omibackend.core.errors import Refused
from webhooks.inbox import status
from webhooks.inbox.fast_path.view import LeanView, WebhookErrorSerializer
from webhooks.inbox.provider import Provider
from webhooks.inbox.receiver import receive
from webhooks.providers.registry import PROVIDERS

# Theirs to describe. Some of Omi's transcripts are a bare list.
WHAT_SENDERS_POST = {
    "oneOf": [
        {"type": "object", "additionalProperties": {}},
        {"type": "array", "items": {}},
    ]
}


class WebhookView(LeanView):
    """Receives what senders post."""

    @extend_schema(
        request={
            "application/json": WHAT_SENDERS_POST,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        responses={
            200: inline_serializer(
                "Accepted",
                {
                    "message": serializers.CharField(required=False, help_text="a spoken reply"),
                    "duplicate": serializers.BooleanField(required=False),
                },
            ),
            **dict.fromkeys((400, 401, 404, 411, 413, 415, 429, 503), WebhookErrorSerializer),
        },
        auth=[],
        tags=["webhooks"],
    )
    def post(
        self, request: Request, provider: str = "omi", token: str | None = None
    ) -> HttpResponse:
        """Stored before it is answered. The same delivery again is answered alike."""
        return receive(request._request, _known(provider), token)

    @extend_schema(
        responses={200: OpenApiTypes.OBJECT, 404: WebhookErrorSerializer},
        auth=[],
        tags=["webhooks"],
    )
    def get(
        self, request: Request, provider: str = "omi", token: str | None = None
    ) -> HttpResponse:
        """The sender's own check that the address answers."""
        return _known(provider).answer_check()


def _known(name: str) -> Provider:
    provider = PROVIDERS.get(name)
    if provider is None:
        known = ", ".join(sorted(PROVIDERS))
        raise Refused(404, "unknown_provider", f"No such sender. Known: {known}.")
    return provider


class QueueSerializer(serializers.Serializer[Any]):
    queueLength = serializers.IntegerField()  # noqa: N815 (the names are the contract's)
    processing = serializers.BooleanField()
    batchSize = serializers.IntegerField()  # noqa: N815
    processingInterval = serializers.IntegerField(help_text="milliseconds")  # noqa: N815
    maxConcurrentJobs = serializers.IntegerField()  # noqa: N815
    retryQueueSize = serializers.IntegerField()  # noqa: N815
    jobTypeCounts = serializers.DictField(child=serializers.IntegerField())  # noqa: N815


class QueueStatusView(APIView):
    """How much of what was accepted is still to be worked. Staff see more."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="queue_status",
        responses=inline_serializer(
            "QueueStatus",
            {
                "ok": serializers.BooleanField(),
                "queue": QueueSerializer(),
                "caches": serializers.DictField(required=False),
                "featureFlags": serializers.DictField(required=False),
                "oldestUnprocessedSeconds": serializers.FloatField(required=False, allow_null=True),
                "deadCount": serializers.IntegerField(required=False),
            },
        ),
        auth=[],
    )
    def get(self, request: Request) -> Response:
        answer: dict[str, Any] = {"ok": True, "queue": status.queue_status()}
        if request.user.is_staff:
            answer |= {
                "caches": {"sessionCache": cache.cache_counts()},
                "featureFlags": {
                    "backgroundJobs": settings.ENABLE_BACKGROUND_JOBS,
                    "contextActivation": settings.ENABLE_CONTEXT_ACTIVATION,
                    "promptWorkers": settings.ENABLE_PROMPT_WORKERS,
                },
                "oldestUnprocessedSeconds": status.oldest_unfinished_s(),
                "deadCount": status.dead_count(),
            }
        return Response(answer)
