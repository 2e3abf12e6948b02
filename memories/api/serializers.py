from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from memories.api.filters import MOST_Q_CHARS
from memories.models import ActionItem, Event, Memory, Revision
from memories.saving.bulk import MOST_AT_ONCE, Action
from memories.saving.similar import similar_ids
from omibackend.core.api.serializers import Strict

MOST_TITLE_CHARS = 500
MOST_TEXT_CHARS = 100_000
MOST_WORD_CHARS = 40
MOST_ITEM_CHARS = 2000


class ActionItemSerializer(serializers.ModelSerializer[ActionItem]):
    memory = serializers.UUIDField(source="memory_id", read_only=True)
    edited = serializers.SerializerMethodField()

    class Meta:
        model = ActionItem
        fields = (
            *("id", "memory", "description", "completed", "completed_at", "due_at", "edited"),
            *("created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_edited(self, item: ActionItem) -> bool:
        return bool(item.edited_fields)


class EventSerializer(serializers.ModelSerializer[Event]):
    class Meta:
        model = Event
        fields = ("id", "title", "description", "starts_at", "duration_minutes")
        read_only_fields = fields


class MemorySerializer(serializers.ModelSerializer[Memory]):
    edited = serializers.BooleanField(read_only=True)
    similar_to = serializers.SerializerMethodField()
    action_items = ActionItemSerializer(many=True, read_only=True)
    events = EventSerializer(many=True, read_only=True)

    class Meta:
        model = Memory
        fields = (
            *("id", "kind", "title", "text", "category", "emoji", "source", "occurred_at"),
            *("created_at", "updated_at", "edited", "pinned", "private", "wrong"),
            *("similar_to", "action_items", "events"),
        )
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_similar_to(self, memory: Memory) -> list[Any]:
        return similar_ids(memory)


class NoteSerializer(Strict):
    title = serializers.CharField(max_length=MOST_TITLE_CHARS, allow_blank=True, default="")
    text = serializers.CharField(max_length=MOST_TEXT_CHARS)
    category = serializers.CharField(max_length=MOST_WORD_CHARS, allow_blank=True, default="")


class MemoryChangeSerializer(Strict):
    title = serializers.CharField(max_length=MOST_TITLE_CHARS, allow_blank=True, required=False)
    text = serializers.CharField(max_length=MOST_TEXT_CHARS, allow_blank=True, required=False)
    category = serializers.CharField(max_length=MOST_WORD_CHARS, allow_blank=True, required=False)
    emoji = serializers.CharField(max_length=MOST_WORD_CHARS, allow_blank=True, required=False)
    pinned = serializers.BooleanField(required=False)
    private = serializers.BooleanField(required=False, help_text="Kept out of every answer")
    wrong = serializers.BooleanField(required=False, help_text="Kept out of every answer")


class ActionItemChangeSerializer(Strict):
    description = serializers.CharField(max_length=MOST_ITEM_CHARS, required=False)
    completed = serializers.BooleanField(required=False)
    due_at = serializers.DateTimeField(allow_null=True, required=False)


class RevisionSerializer(serializers.ModelSerializer[Revision]):
    before = serializers.DictField(
        child=serializers.JSONField(), help_text="What the fields held that were changed"
    )

    class Meta:
        model = Revision
        fields = ("id", "at", "by", "before")
        read_only_fields = fields


class RevertSerializer(Strict):
    revision = serializers.UUIDField(help_text="From the memory's history")


class MergeSerializer(Strict):
    other = serializers.UUIDField(help_text="The memory that becomes part of this one")


class CriteriaSerializer(Strict):
    """As the list's own parameters."""

    q = serializers.CharField(max_length=MOST_Q_CHARS, allow_blank=True, required=False)
    category = serializers.CharField(max_length=MOST_WORD_CHARS, allow_blank=True, required=False)
    occurred_after = serializers.DateTimeField(required=False)
    occurred_before = serializers.DateTimeField(required=False)
    pinned = serializers.BooleanField(required=False)
    private = serializers.BooleanField(required=False)
    wrong = serializers.BooleanField(required=False)


class BulkSerializer(Strict):
    action = serializers.ChoiceField([action.value for action in Action])
    category = serializers.CharField(
        max_length=MOST_WORD_CHARS,
        allow_blank=True,
        default="",
        help_text="For the action `category`; empty takes it away",
    )
    preview = serializers.BooleanField(default=False, help_text="Say what would change, and wait")


class BulkByIdsSerializer(BulkSerializer):
    ids = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MOST_AT_ONCE
    )


class BulkByFilterSerializer(BulkSerializer):
    filter = CriteriaSerializer()
    expected = serializers.IntegerField(
        min_value=0,
        max_value=MOST_AT_ONCE,
        required=False,
        help_text="The `count` of a preview. Without it this is one",
    )


class MemoryExportSerializer(Strict):
    format = serializers.ChoiceField(["json", "csv", "md"])


class SampleSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    occurred_at = serializers.DateTimeField()


class BulkResultSerializer(serializers.Serializer[Any]):
    preview = serializers.BooleanField()
    count = serializers.IntegerField(
        help_text="How many memories are meant: by `filter`, only those that it would change"
    )
    more = serializers.BooleanField(help_text="More match; these are the newest of them")
    changed = serializers.IntegerField(help_text="How many became other than they were")
    sample = SampleSerializer(many=True)
