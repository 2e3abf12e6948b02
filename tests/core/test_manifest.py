"""What the apps bring along is whole, and the house that shows it names none of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.utils.module_loading import import_string

from omibackend.core import manifest
from omibackend.core.manifest import Finder, Manifest
from omibackend.core.work.registry import work_types

ROOT = Path(settings.BASE_DIR)
HOUSE = [
    *(ROOT / "omibackend" / "core").rglob("*.py"),
    *(ROOT / "omibackend" / "ops").rglob("*.py"),
    ROOT / "omibackend" / "cron.py",
]
# They make the first endpoints of an installation, and send them samples.
FIRST_STEPS = ("up.py", "demo.py")
OF_FIRST_STEPS = {"webhooks.providers.registry.PROVIDERS", "emg"}
DOMAINS = re.compile(
    r"(?<![a-z])(conversations|memories|emg|sms|prompts|webhooks\.providers)(?![a-z])",
    re.IGNORECASE,
)


def named(source: str) -> Iterator[str]:
    """The modules that it imports, and its strings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", HOUSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_names_no_domain(path: Path) -> None:
    found = {text for text in named(path.read_text()) if DOMAINS.search(text)}
    assert found <= (OF_FIRST_STEPS if path.name in FIRST_STEPS else set())


def finders(app: Manifest) -> list[Finder[Any]]:
    return [*app.needs, *app.figures, *app.panels, *app.search]


def test_it_names_only_what_there_is() -> None:
    for app in manifest.installed():
        found = [finder.call for finder in finders(app)]
        found += [entry.badge for entry in app.sidebar if entry.badge]
        found += [scheduled.job for scheduled in app.schedule]
        assert all(callable(import_string(name)) for name in found)


def test_it_asks_for_permissions_that_there_are(db: None) -> None:
    known = {
        f"{model._meta.app_label}.{action}_{model._meta.model_name}"
        for model in apps.get_models()
        for action in model._meta.default_permissions
    }
    for app in manifest.installed():
        assert {finder.permission for finder in finders(app)} <= {"", *known}


def test_it_lists_and_links_models_that_there_are() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    entries = [entry for app in manifest.installed() for entry in app.sidebar]
    assert {entry.model for entry in entries} <= registered
    assert len({entry.place for entry in entries}) == len(entries)
    for kind in manifest.effect_kinds().values():
        assert hasattr(apps.get_model(kind.model), kind.named_by)


def test_it_works_every_row_in_a_lane_that_is_declared() -> None:
    declared = [lane.name for lane in manifest.lanes()]
    assert declared == ["inbox", "ai", "accounts", "emg", "maintenance"]
    assert {kind.lane for kind in work_types.values()} <= set(declared)
    assert {lane.with_lane for lane in manifest.lanes()} <= {"", *declared}
    assert set(settings.RQ_QUEUES) == set(declared)


@pytest.mark.parametrize(("jobs", "workers"), [(2, [1, 1]), (6, [3, 1]), (200, [4, 2])])
def test_it_gives_the_busiest_lanes_the_most_workers(jobs: int, workers: list[int]) -> None:
    found = {lane.name: lane.workers(jobs) for lane in manifest.lanes()}
    assert list(found.values()) == [*workers, 1, 1, 1]


def test_the_readme_lists_every_lane() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (.+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert listed == [(lane.name, lane.does) for lane in manifest.lanes()]
