"""A memory's page in the admin: what was kept, and where it came from."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.safestring import SafeString

from memories.models import Memory
from memories.saving.similar import similar_ids
from omibackend.core.admin.links import admin_link
from omibackend.core.templatetags.ob import chip

MOST_SIMILAR = 20
MOST_REVISIONS = 50
MARKS = {
    "pinned": ("info", "keep", "pinned"),
    "private": ("warn", "lock", "private"),
    "wrong": ("bad", "error", "wrong"),
}


def card(memory: Memory, user: Any) -> dict[str, Any]:
    """The parts only as far as this user may see them."""
    parts = {
        "memories.view_actionitem": ("action_items", memory.action_items.order_by("id")),
        "memories.view_event": ("events", memory.events.all()),
        "memories.view_photo": ("photos", memory.photos.exclude(file="")),
        "memories.view_revision": ("revisions", memory.revisions.all()[:MOST_REVISIONS]),
        "webhooks.view_delivery": ("delivery_link", _delivery(memory)),
        "conversations.view_omisession": ("session_link", _session(memory)),
    }
    return {
        "memory": memory,
        "similar": _similar(memory),
        "marks": chips(memory),
        **dict(part for right, part in parts.items() if user.has_perm(right)),
    }


def _similar(memory: Memory) -> list[Memory]:
    """In both directions: the one that it resembles, and those that resemble it."""
    alike = Q(pk__in=similar_ids(memory)) | Q(similar_to=memory.pk)
    return list(Memory.objects.filter(alike)[:MOST_SIMILAR])


def chips(memory: Memory) -> list[SafeString]:
    return [chip(*shown) for name, shown in MARKS.items() if getattr(memory, name)]


def _delivery(memory: Memory) -> str:
    return admin_link("webhooks_delivery_change", memory.delivery_id) if memory.delivery_id else ""


def _session(memory: Memory) -> str:
    """The list, narrowed down to the conversation that it was made of."""
    listed = admin_link("conversations_omisession_changelist")
    if not (listed and memory.source_id):
        return ""
    return f"{listed}?{urlencode({'omi_conversation_id': memory.source_id})}"
