"""The REST API's shapes."""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from conversations.models import Conversation, Message, OmiSession, Pending, Space
from conversations.transcript import Said
from memories.models import Memory
from omibackend.core.serializers import Strict

KEY_CHARS = 128
MESSAGE_CHARS = 2000
CONTEXT_CHARS = 4000


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    kind = serializers.ChoiceField(Conversation.Kind.choices)
    session_id = serializers.SerializerMethodField(
        help_text="Of a spoken one the id of its transcript; of a chat what the caller named it."
    )
    transcript = serializers.SerializerMethodField(
        help_text="Where the words that were heard are; null for a chat."
    )

    class Meta:
        model = Conversation
        fields = [
            "id",
            "kind",
            "title",
            "started_at",
            "last_message_at",
            "session_id",
            "transcript",
        ]
        read_only_fields = fields

    def get_session_id(self, conversation: Conversation) -> str:
        return str(conversation.session_id or conversation.key)

    def get_transcript(self, conversation: Conversation) -> str | None:
        if conversation.session_id is None:
            return None
        request = self.context.get("request")
        return reverse("transcript", args=[conversation.session_id], request=request)


class HeardSerializer(serializers.ModelSerializer[OmiSession]):
    is_final = serializers.BooleanField(
        help_text="Whether the transcript is the one that Omi made when the conversation ended."
    )
    length_s = serializers.FloatField(allow_null=True)

    class Meta:
        model = OmiSession
        fields = ["segment_count", "language", "length_s", "is_final", "last_received_at"]
        read_only_fields = fields


class ConversationDetailSerializer(ConversationSerializer):
    heard = serializers.SerializerMethodField(help_text="Null for a chat.")
    memory_ids = serializers.SerializerMethodField(help_text="The memories that were made of it.")

    class Meta(ConversationSerializer.Meta):
        fields = [*ConversationSerializer.Meta.fields, "heard", "memory_ids"]
        read_only_fields = fields

    def get_heard(self, conversation: Conversation) -> HeardSerializer.Data | None:  # type: ignore[name-defined]
        if conversation.session is None:
            return None
        return HeardSerializer(conversation.session).data


class Source(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["memory", "segment"])
    id = serializers.CharField()
    quote = serializers.CharField(allow_blank=True)
    occurred_at = serializers.DateTimeField()
