"""A memory's page in the admin: what was kept, and where it came from."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.utils.safestring import SafeString

from memories.models import ActionItem, Event, Memory, Photo, Revision
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


@dataclass(frozen=True)
class Card:
    memory: Memory
    action_items: list[ActionItem]
    events: list[Event]
    photos: list[Photo]
    similar: list[Memory]
    revisions: list[Revision]
    marks: list[SafeString]
    delivery_link: str
    session_link: str


def card(memory: Memory, user: Any) -> Card:
    """The parts only as far as this user may see them."""
    sees_items = user.has_perm("memories.view_actionitem")
    sees_events = user.has_perm("memories.view_event")
    sees_photos = user.has_perm("memories.view_photo")
    sees_history = user.has_perm("memories.view_revision")
    return Card(
        memory=memory,
        action_items=list(memory.action_items.order_by("id")) if sees_items else [],
        events=list(memory.events.all()) if sees_events else [],
        photos=list(memory.photos.exclude(file="")) if sees_photos else [],
        similar=_similar(memory),
        revisions=list(memory.revisions.all()[:MOST_REVISIONS]) if sees_history else [],
        marks=chips(memory),
        delivery_link=_delivery(memory) if user.has_perm("webhooks.view_delivery") else "",
        session_link=_session(memory) if user.has_perm("conversations.view_omisession") else "",
    )


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
