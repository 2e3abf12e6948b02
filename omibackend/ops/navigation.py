"""What the shell of the admin asks for on every page: the sidebar, its badges, the search."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
from unfold.dataclasses import SearchResult

from omibackend.core import manifest
from omibackend.core.manifest import SYSTEM, Entry

Item = dict[str, Any]


def sidebar(request: HttpRequest) -> list[Item]:
    home = {"title": "Home", "icon": "space_dashboard", "link": reverse("admin:index")}
    groups = _groups(request)
    queues = _route(
        "Queues", "stacks", "admin:django_rq_home", lambda request: request.user.is_superuser
    )
    docs = _route("API docs", "api", "api-docs", is_staff)
    system = [*queues, *groups.pop(SYSTEM, []), *docs]
    return [
        {"items": [{**home, "permission": is_staff}]},
        *({"title": name, "separator": True, "items": items} for name, items in groups.items()),
        {"title": SYSTEM, "separator": True, "collapsible": True, "items": system},
    ]


def _groups(request: HttpRequest) -> dict[str, list[Item]]:
    """Only what is registered; who may not look into it does not see it."""
    registered = {model._meta.label_lower: kept for model, kept in admin.site._registry.items()}
    every = (entry for app in manifest.installed() for entry in app.sidebar)
    groups: dict[str, list[Item]] = {}
    for entry in sorted(every, key=lambda entry: entry.place):
        if entry.model in registered:
            item = _item(request, entry, registered[entry.model])
            groups.setdefault(entry.group, []).append(item)
    return groups


def is_staff(request: HttpRequest) -> bool:
    """Not the site's own method: unfold copies this table, and would copy the site with it."""
    return admin.site.has_permission(request)


def _item(request: HttpRequest, entry: Entry, listed: Any) -> Item:
    app, _, model = entry.model.partition(".")
    permitted = listed.has_view_permission(request)
    badge = import_string(entry.badge)() if entry.badge and permitted else {}
    return {
        "title": entry.title,
        "icon": entry.symbol,
        "link": reverse(f"admin:{app}_{model}_changelist"),
        "permission": lambda _: permitted,
        **badge,
    }


def _route(title: str, symbol: str, name: str, permission: Callable[[Any], bool]) -> list[Item]:
    try:
        return [{"title": title, "icon": symbol, "link": reverse(name), "permission": permission}]
    except NoReverseMatch:
        return []


def find(request: HttpRequest, term: str) -> list[SearchResult]:
    """Ctrl+K beyond the pages themselves. Unfold keeps the result, so it holds no message text."""
    return list(manifest.find(request.user, lambda app: app.search, term))


def icon(request: HttpRequest) -> str:
    return static("ob/icon.svg")


def style_sheet(request: HttpRequest) -> str:
    return static("ob/ob.css")


def script(request: HttpRequest) -> str:
    return static("ob/ob.js")
