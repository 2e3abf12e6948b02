"""The first page of the admin: figures, what needs a person, and what else the apps show there."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from omibackend.core import manifest
from omibackend.core.manifest import Figure, Need, Panel

RANKS = {"bad": 0, "warn": 1, "info": 2}


@dataclass(frozen=True)
class Home:
    figures: list[Figure]
    needs: list[Need]
    start: list[Panel]
    beside: list[Panel]
    below: list[Panel]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Everything in one name: unfold's own templates read many a common one."""
    return {**context, "title": "Home", "page": home(request)}


def home(request: HttpRequest) -> Home:
    panels = list(manifest.find(request.user, lambda app: app.panels, request))
    start = [panel for panel in panels if panel.place == "start"]
    return Home(
        figures=[] if start else list(manifest.find(request.user, lambda app: app.figures)),
        needs=needs(request.user),
        start=start,
        beside=[panel for panel in panels if panel.place == "beside"],
        below=[panel for panel in panels if panel.place == "below"],
    )


def needs(user: Any) -> list[Need]:
    """What this user may see of it: red before amber before blue, the longest waiting first."""
    found = manifest.find(user, lambda app: app.needs)
    return sorted(found, key=lambda need: (RANKS[need.tone], need.since))
