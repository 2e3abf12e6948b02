"""The house keeps its order: rooms, names and the few things that may stand in one place only."""

import ast
import hashlib
import tomllib
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("conversations", "emg", "memories", "omibackend", "webhooks")
MOST_MODULES_IN_A_FOLDER = 13
# Django and DRF look for these by name.
CONVENTIONAL = {"Meta", "Command", "Migration", "Media"}
MODULES = [
    path
    for package in PACKAGES
    for path in sorted((PROJECT / package).rglob("*.py"))
    if "migrations" not in path.parts
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def test_no_folder_is_crowded() -> None:
    modules = Counter(path.parent for path in MODULES if path.name != "__init__.py")
    crowded = {
        str(folder.relative_to(PROJECT)): number
        for folder, number in modules.items()
        if number > MOST_MODULES_IN_A_FOLDER
    }
    assert crowded == {}


def test_a_class_name_means_one_thing() -> None:
    defined: dict[str, list[str]] = defaultdict(list)
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in CONVENTIONAL:
                defined[node.name].append(f"{name_of(path)}:{node.lineno}")
    assert {name: places for name, places in defined.items() if len(places) > 1} == {}


def test_only_work_itself_writes_leases() -> None:
    outside = [
        f"{name_of(path)}:{node.lineno}"
        for path in MODULES
        if not name_of(path).startswith("omibackend.core.work")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.keyword) and node.arg == "lease_token")
        or (isinstance(node, ast.Dict) and _names_lease(node.keys))
        or (isinstance(node, ast.Assign) and _sets_lease(node.targets))
    ]
    assert outside == []


def _names_lease(keys: list[ast.expr | None]) -> bool:
    return any(isinstance(key, ast.Constant) and key.value == "lease_token" for key in keys)


def _sets_lease(targets: list[ast.expr]) -> bool:
    return any(
        isinstance(target, ast.Attribute) and target.attr == "lease_token" for target in targets
    )


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_each_package_has_a_contract_that_names_all_its_rooms() -> None:
    """`exhaustive`: lint-imports fails for a room that stands in no layer."""
    named = {
        container
        for contract in contracts()
        if contract.get("exhaustive")
        for container in contract["containers"]
    }
    packages = {name_of(path.parent / "__init__.py") for path in MODULES if path.name == "apps.py"}
    packages -= {"memories.semantic"}  # a room of memories, and an app only where it is wanted
    assert packages | {"omibackend.llm", "omibackend.engines", "webhooks.inbox"} <= named


def test_nothing_goes_round_in_circles() -> None:
    watched = {
        ancestor
        for contract in contracts()
        if contract["type"] == "acyclic_siblings"
        for ancestor in contract["ancestors"]
    }
    assert set(PACKAGES) <= watched


def test_the_picture_shows_the_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "docs"))
    drawing = import_module("draw_rooms")
    assert drawing.PICTURE.read_text() == drawing.drawn()


def test_released_migrations_stay_as_they_are() -> None:
    """A change of the database is a new migration: some database has run the old ones."""
    released = PROJECT / "tests" / "released_migrations.txt"
    for line in released.read_text().splitlines():
        digest, _, name = line.partition("  ")
        content = (PROJECT / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, f"{name} was changed"
