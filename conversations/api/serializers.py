"""The REST API's shapes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from conversations.assistant import contexts
from conversations.models import ContextState, Conversation, Message, OmiSession, Pending, Space
from conversations.pages.transcript import memories_of
from omibackend.core.api.serializers import Strict

KEY_CHARS = 128
MESSAGE_CHARS = 2000
CONTEXT_CHARS = 4000


class ConversationSerializer(serializers.ModelSerializer[Conversation]):
    kind = serializers.ChoiceField(Conversation.Kind.choices)
    session_id = serializers.SerializerMethodField(
        help_text="Of a spoken one the id of its transcript; of any other what it was named by."
    )
    transcript = serializers.SerializerMethodField(
        help_text="Where the words that were heard are; null if none were."
    )

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = (
            *("id", "kind", "title", "started_at", "last_message_at"),
            *("session_id", "transcript"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_session_id(self, conversation: Conversation) -> str:
        return str(conversation.session_id or conversation.key)

    @extend_schema_field(serializers.URLField(allow_null=True))
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
        fields = ("segment_count", "language", "length_s", "is_final", "last_received_at")
        read_only_fields = fields


class ConversationDetailSerializer(ConversationSerializer):
    heard = HeardSerializer(source="session", allow_null=True, help_text="Null if nothing was.")
    memory_ids = serializers.SerializerMethodField(help_text="The memories that were made of it.")

    class Meta(ConversationSerializer.Meta):
        fields = (*ConversationSerializer.Meta.fields, "heard", "memory_ids")
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_memory_ids(self, conversation: Conversation) -> list[str]:
        session = conversation.session
        if session is None:
            return []
        return [str(pk) for pk in memories_of(session).values_list("pk", flat=True)]


class SourceSerializer(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["memory", "segment"])
    id = serializers.CharField()
    quote = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class MessageSerializer(serializers.ModelSerializer[Message]):
    role = serializers.ChoiceField(Message.Role.choices)
    sources = SourceSerializer(many=True, help_text="What an answer rests on.")

    class Meta:
        model = Message
        fields = ("id", "role", "text", "occurred_at", "sources")
        read_only_fields = fields


class SegmentSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="key")
    speaker = serializers.CharField()
    is_user = serializers.BooleanField(source="is_person")
    text = serializers.CharField()
    start_s = serializers.FloatField(allow_null=True, help_text="Seconds since it began.")
    end_s = serializers.FloatField(allow_null=True)
    said_at = serializers.DateTimeField(allow_null=True)


class TranscriptSerializer(serializers.Serializer[Any]):
    session_id = serializers.UUIDField()
    title = serializers.CharField(allow_blank=True)
    started_at = serializers.DateTimeField()
    is_final = serializers.BooleanField()
    next = serializers.URLField(allow_null=True)
    segments = SegmentSerializer(many=True)


class ChatSerializer(Strict):
    session_id = serializers.CharField(
        max_length=KEY_CHARS, help_text="Names the chat: any text of the caller's."
    )
    message = serializers.CharField(max_length=MESSAGE_CHARS)
    context = serializers.CharField(  # type: ignore[assignment]  # DRF's own attribute of this name
        max_length=CONTEXT_CHARS,
        required=False,
        allow_blank=True,
        help_text="What else the answer may rest on; to the model it is data, never an order.",
    )


class ChatAnswerSerializer(serializers.Serializer[Any]):
    response = serializers.CharField()
    conversation_id = serializers.UUIDField()
    duplicate = serializers.BooleanField(
        help_text="Whether this is the answer to the same message of just before."
    )
    sources = SourceSerializer(many=True)


class SwitchSerializer(Strict):
    session_id = serializers.CharField(
        max_length=KEY_CHARS, help_text="A chat's session_id, or the uid of a wearable."
    )
    space = serializers.ChoiceField(Space.choices)


class SwitchedSerializer(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    previousSpace = serializers.ChoiceField(Space.choices)  # noqa: N815 (the contract's name)
    currentSpace = serializers.ChoiceField(Space.choices)  # noqa: N815
    message = serializers.CharField()


class ActivateSerializer(Strict):
    session_id = serializers.CharField(max_length=KEY_CHARS)
    slot = serializers.IntegerField(min_value=1, max_value=5)
    conversation_id = serializers.UUIDField(
        required=False, help_text="Put into the slot first; without it the slot is as it is."
    )


class WindowSerializer(serializers.Serializer[Any]):
    slot = serializers.IntegerField()
    active = serializers.BooleanField()
    conversation_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField(allow_null=True)


class ContextStatusSerializer(serializers.Serializer[Any]):
    space = serializers.ChoiceField(Space.choices)
    pending = serializers.ChoiceField([Pending.WINDOW.value], allow_null=True)
    windows = WindowSerializer(many=True)
    initialized = serializers.BooleanField(help_text="Whether anything was ever chosen.")


def status_of(state: ContextState) -> dict[str, Any]:
    bound = contexts.windows_of(state)
    return {
        "space": state.space,
        "pending": contexts.pending_of(state) or None,
        "windows": [
            {
                "slot": slot,
                "active": slot == state.active_slot and slot in bound,
                "conversation_id": bound[slot].pk if slot in bound else None,
                "title": contexts.title_of(bound[slot]) if slot in bound else None,
            }
            for slot in contexts.SLOTS
        ],
        "initialized": not state._state.adding,
    }
