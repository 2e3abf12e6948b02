"""What this app brings along."""

from collections.abc import Iterator
from functools import partial

from django.conf import settings
from django.core.files.storage import default_storage

from memories.models import ActionItem, Event, Memory, Photo, Revision, Tombstone
from omibackend.core.files import remove_folder
from omibackend.core.manifest import Daily, EffectKind, Entry, Finder, Manifest, Rule, Stat
from omibackend.core.personal_data import File, PersonalData, Table, rows_of

MINE = "FROM memories_memory WHERE owner_id = %(owner)s"
ITEMS = "FROM memories_actionitem WHERE owner_id = %(owner)s AND"


def photos(user_id: int) -> Iterator[File]:
    """As far as they were pictures; a missing file has been removed meanwhile."""
    mine = Photo.objects.filter(memory__owner_id=user_id).exclude(file="").order_by("pk")
    for name in mine.values_list("file", flat=True):
        if default_storage.exists(name):
            shown = f"photos/{name.rpartition('/')[2]}"
            yield File(shown, partial(default_storage.open, name))


def forget(user_id: int) -> None:
    """Also the pictures of a save that failed after it had written them."""
    remove_folder(f"photos/{user_id}")


PERSONAL_DATA = PersonalData(
    "memories",
    tables=(
        Table(
            "action_items",
            rows_of(ActionItem),
            "id memory_id description completed completed_at due_at edited_fields delivery_id"
            " created_at updated_at",
        ),
        Table(
            "events",
            rows_of(Event, "memory__owner"),
            "id memory_id title description starts_at duration_minutes",
        ),
        Table(
            "photos",
            rows_of(Photo, "memory__owner"),
            "id memory_id description taken_at content_type file",
        ),
        Table(
            "changes",
            rows_of(Revision, "memory__owner"),
            "id memory_id at by before delivery_id",
        ),
        Table(
            "memories",
            rows_of(Memory),
            "id kind source source_id title text category emoji language occurred_at"
            " finished_at created_at updated_at edited_fields sender_version quote details"
            " delivery_id pinned private wrong similar_to_id",
        ),
        Table("deleted_memories", rows_of(Tombstone), "kind source_id deleted_at merged_into_id"),
    ),
    files=photos,
    forget=forget,
)

manifest = Manifest(
    figures=(Finder("memories.view_memory", "memories.admin.figures.this_week"),),
    sidebar=(
        Entry(21, "Memories", "auto_stories", "memories.memory", "Voice"),
        Entry(22, "Action items", "task_alt", "memories.actionitem", "Voice"),
    ),
    retention=(
        Rule(
            "memories",
            lambda before: Memory.objects.filter(occurred_at__lt=before),
            days=lambda: settings.RETENTION_MEMORIES_DAYS,
        ),
    ),
    effects=(
        EffectKind("memory", "memories.Memory", "auto_stories", "display_title"),
        EffectKind("action_item", "memories.ActionItem", "task_alt", "description"),
    ),
    stats=(
        Stat(
            "memories",
            MINE,
            daily=(Daily(MINE, "occurred_at"),),
            last=(f"SELECT max(occurred_at) {MINE} AND occurred_at <= statement_timestamp()",),
        ),
        Stat("action_items_open", f"{ITEMS} NOT completed"),
        Stat("action_items_done", f"{ITEMS} completed"),
    ),
    personal_data=(PERSONAL_DATA,),
)
