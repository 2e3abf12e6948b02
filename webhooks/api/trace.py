"""Where a memory came from, over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.models import TranscriptSegment
from memories.models import Memory
from omibackend.core.api.examples import examples
from omibackend.core.api.requests import person_id
from webhooks import trace
from webhooks.models import Delivery
from webhooks.trace import Trace, Words


class TracedMemorySerializer(serializers.ModelSerializer[Memory]):
    class Meta:
        model = Memory
        fields = ("id", "kind", "source", "source_id", "title", "occurred_at", "quote")
        read_only_fields = fields


class TracedSegmentSerializer(serializers.ModelSerializer[TranscriptSegment]):
    speaker = serializers.SerializerMethodField()

    class Meta:
        model = TranscriptSegment
        fields = (
            *("key", "text", "speaker", "is_user", "start_s", "end_s", "final"),
            *("received_at", "delivery_id"),
        )
        read_only_fields = fields

    def get_speaker(self, row: TranscriptSegment) -> str:
        return row.speaker_name or row.speaker


class WordsSerializer(serializers.Serializer[Words]):
    session_id = serializers.UUIDField(source="session.pk")
    started_at = serializers.DateTimeField(source="session.started_at")
    final = serializers.BooleanField(
        source="session.is_final", help_text="Omi's own transcript, in place of the live one"
    )
    segments = TracedSegmentSerializer(many=True)


class BecameSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    how = serializers.CharField(source="change.label")


class TracedDeliverySerializer(serializers.ModelSerializer[Delivery]):
    endpoint = serializers.CharField(source="endpoint.name")
    provider = serializers.CharField(source="endpoint.provider")
    body_sha256 = serializers.SerializerMethodField(help_text="taken when it was received")
    body_held = serializers.BooleanField(
        source="is_held", help_text="false: removed after its time of retention"
    )
    body_verified = serializers.BooleanField(
        source="is_intact",
        allow_null=True,
        help_text="whether the stored bytes have that hash still; null: not held",
    )
    became = BecameSerializer(source="effects", many=True)

    class Meta:
        model = Delivery
        fields = (
            *("id", "endpoint", "provider", "event", "received_at", "signature", "state"),
            *("body_bytes", "body_sha256", "body_held", "body_verified", "became"),
        )
        read_only_fields = fields

    def get_body_sha256(self, row: Delivery) -> str:
        return bytes(row.body_sha256).hex()


class TraceSerializer(serializers.Serializer[Trace]):
    memory = TracedMemorySerializer()
    written_at = serializers.DateTimeField(
        allow_null=True, help_text="when you wrote it; null: deliveries told it"
    )
    words = WordsSerializer(many=True)
    segments_missing = serializers.IntegerField(help_text="whose transcript was deleted since")
    deliveries = TracedDeliverySerializer(many=True)
    deliveries_gone = serializers.ListField(
        child=serializers.UUIDField(),
        read_only=True,
        help_text="ids of deliveries that were deleted with all that was kept of them",
    )


class TraceView(APIView):
    @extend_schema(
        operation_id="memories_trace",
        tags=["memories"],
        responses=TraceSerializer,
        examples=examples("webhooks.api")["memories_trace"],
    )
    def get(self, request: Request, pk: str) -> Response:
        """A memory's words and the raw deliveries behind it, down to the hash of their bytes."""
        memory = get_object_or_404(Memory.objects.filter(owner=person_id(request)), pk=pk)
        return Response(TraceSerializer(trace.of(memory)).data)
