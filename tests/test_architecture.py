"""The house keeps its order: rooms, names and the few things that may stand in one place only."""

import ast
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

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


def contracts() -> list[dict[str, object]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    found: list[dict[str, object]] = settings["tool"]["importlinter"]["contracts"]
    return found


def named_in_layers() -> set[str]:
    """The modules and rooms that stand in a layer of a contract, in full."""
    named: set[str] = set()
    for contract in contracts():
        if contract["type"] != "layers":
            continue
        containers = contract.get("containers") or [""]
        assert isinstance(containers, list)
        layers = contract["layers"]
        assert isinstance(layers, list)
        for container in containers:
            for layer in layers:
                for name in layer.replace("(", "").replace(")", "").replace(":", "|").split("|"):
                    named.add(f"{container}.{name.strip()}" if container else name.strip())
    return named


# Django finds these by their place and nothing of ours imports them.
UNNAMED = {"management", "migrations", "templatetags", "formats"}


def test_each_room_stands_in_a_contract() -> None:
    """A room is what lies directly in a package: a folder or a module."""
    named = named_in_layers()
    packages = {name_of(path) for path in MODULES if path.name == "__init__.py"}
    inside = {name.rpartition(".")[0] for name in named if "." in name}
    missing = [
        name
        for path in MODULES
        for name in [name_of(path)]
        if name.rpartition(".")[0] in inside & packages
        and name.rpartition(".")[2] not in UNNAMED
        and name not in named
    ]
    assert missing == []


def test_no_package_is_without_a_contract_of_its_rooms() -> None:
    named = named_in_layers()
    rooms = {name_of(path) for path in MODULES if path.name == "__init__.py"}
    apps = [name for name in rooms if (PROJECT / name.replace(".", "/") / "apps.py").exists()]
    assert [app for app in sorted(apps) if not any(n.startswith(f"{app}.") for n in named)] == []
