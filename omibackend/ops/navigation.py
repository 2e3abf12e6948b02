"""What the shell of the admin asks for on every page: the sidebar, its badge, the search."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.cache import cache
from django.db.models import Q
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from unfold.dataclasses import SearchResult

from emg.admin.listing import search
from emg.models import Recording
from webhooks.models import Delivery, Endpoint

BADGE_KEPT_S = 10
MOST_COUNTED = 99
MOST_FOUND = 6
Item = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """A list of the admin under the name that staff knows it by."""

    title: str
    symbol: str
    model: str
    badge: Callable[[], Item] = dict


def dead_badge() -> Item:
    """Unfold shows a badge at zero too, so there is none at zero."""
    dead = cache.get_or_set("navigation:dead", count_dead, BADGE_KEPT_S) or 0
    words = str(dead) if dead <= MOST_COUNTED else f"{MOST_COUNTED}+"
    return {"badge": words, "badge_variant": "danger", "badge_style": "solid"} if dead else {}


def count_dead() -> int:
    return Delivery.objects.filter(state="dead")[: MOST_COUNTED + 1].count()


GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Webhooks",
        (
            Entry("Deliveries", "move_to_inbox", "webhooks.delivery", dead_badge),
            Entry("Endpoints", "webhook", "webhooks.endpoint"),
        ),
    ),
    (
        "Voice",
        (
            Entry("Sessions", "mic", "conversations.omisession"),
            Entry("Memories", "auto_stories", "memories.memory"),
            Entry("Action items", "task_alt", "memories.actionitem"),
        ),
    ),
    (
        "EMG",
        (
            Entry("Recordings", "monitor_heart", "emg.recording"),
            Entry("Scoring profiles", "tune", "emg.scoringprofile"),
        ),
    ),
    (
        "Prompts",
        (
            Entry("Prompts", "auto_awesome", "prompts.prompttemplate"),
            Entry("Runs", "play_circle", "prompts.promptrun"),
        ),
    ),
)
PEOPLE = (
    Entry("Users", "group", "accounts.user"),
    Entry("Groups", "shield_person", "auth.group"),
    Entry("Omi links", "link", "accounts.omilink"),
    Entry("Tokens", "key", "accounts.token"),
    Entry("Failed sign-ins", "lock_clock", "axes.accessattempt"),
    Entry("Erasures", "person_remove", "accounts.erasure"),
)


def sidebar(request: HttpRequest) -> list[Item]:
    home = {"title": "Home", "icon": "space_dashboard", "link": reverse("admin:index")}
    groups: list[Item] = [{"items": [{**home, "permission": is_staff}]}]
    for title, entries in GROUPS:
        groups.append({"title": title, "separator": True, "items": _items(request, entries)})
    system = [*_queues(), *_items(request, PEOPLE), *_docs()]
    groups.append({"title": "System", "separator": True, "collapsible": True, "items": system})
    return groups


def is_staff(request: HttpRequest) -> bool:
    """Not the site's own method: unfold copies this table, and would copy the site with it."""
    return admin.site.has_permission(request)


def _items(request: HttpRequest, entries: tuple[Entry, ...]) -> list[Item]:
    """Only what is registered; who may not look into it does not see it."""
    registered = {model._meta.label_lower: kept for model, kept in admin.site._registry.items()}
    return [_item(request, entry, registered) for entry in entries if entry.model in registered]


def _item(request: HttpRequest, entry: Entry, registered: dict[str, Any]) -> Item:
    app, _, model = entry.model.partition(".")
    permitted = registered[entry.model].has_view_permission(request)
    return {
        "title": entry.title,
        "icon": entry.symbol,
        "link": reverse(f"admin:{app}_{model}_changelist"),
        "permission": lambda _: permitted,
        **(entry.badge() if permitted else {}),
    }


def _queues() -> list[Item]:
    return _route(
        "Queues", "stacks", "admin:django_rq_home", lambda request: request.user.is_superuser
    )


def _docs() -> list[Item]:
    return _route("API docs", "api", "api-docs", is_staff)


def _route(title: str, symbol: str, name: str, permission: Callable[[Any], bool]) -> list[Item]:
    try:
        return [{"title": title, "icon": symbol, "link": reverse(name), "permission": permission}]
    except NoReverseMatch:
        return []


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """Ctrl+K beyond the pages themselves. Unfold keeps the result, so it holds no message text."""
    return [
        *_find_endpoints(request, term),
        *_find_recordings(request, term),
        *_find_deliveries(request, term),
    ]


def _find_endpoints(request: HttpRequest, term: str) -> list[SearchResult]:
    if not request.user.has_perm("webhooks.view_endpoint"):
        return []
    return [
        SearchResult(row.name, f"Endpoint, {row.provider}", _page(row), "webhook")
        for row in Endpoint.objects.filter(name__icontains=term)[:MOST_FOUND]
    ]


def _find_recordings(request: HttpRequest, term: str) -> list[SearchResult]:
    """By a whole id, session or patient, as in the list: a name says too much to be kept."""
    if not request.user.has_perm("emg.view_recording"):
        return []
    rows = search(Recording.objects.order_by("-recorded_at", "-id"), term)
    return [
        SearchResult(str(row), f"Recording, {row.get_state_display()}", _page(row), "monitor_heart")
        for row in rows.only("state", "recorded_at")[:MOST_FOUND]
    ]


def _find_deliveries(request: HttpRequest, term: str) -> list[SearchResult]:
    """By the whole id, or by the event among the newest: nothing that would scan the table."""
    if not request.user.has_perm("webhooks.view_delivery"):
        return []
    try:
        wanted = Q(pk=UUID(term))
    except ValueError:
        newest = Delivery.objects.order_by("-id").values("id")[:1000]
        wanted = Q(pk__in=newest, event__icontains=term)
    rows = Delivery.objects.filter(wanted).only("event", "state").order_by("-id")[:MOST_FOUND]
    return [
        SearchResult(str(row), f"Delivery, {row.get_state_display()}", _page(row), "move_to_inbox")
        for row in rows
    ]


def _page(row: Delivery | Endpoint | Recording) -> str:
    named = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return reverse(named, args=[row.pk])


def icon(request: HttpRequest) -> str:
    return static("ob/icon.svg")


def style_sheet(request: HttpRequest) -> str:
    return static("ob/ob.css")


def script(request: HttpRequest) -> str:
    return static("ob/ob.js")
