"""What the API's description shows of each operation: files that the tests send and compare."""

import json
from collections import defaultdict
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from mimetypes import guess_type
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, extend_schema

REQUEST = "request"
View = TypeVar("View", bound=Callable[..., Any])


def examples(package: str) -> dict[str, list[OpenApiExample]]:
    """By operation, from `examples/` in the package: `note_change__request__other_words.json`,
    `note__200__as_it_was_written.json`."""
    found = defaultdict(list)
    for file in sorted(files(package).joinpath("examples").iterdir(), key=lambda file: file.name):
        operation, kind, case = file.name.partition(".")[0].split("__")
        found[operation].append(_example(file, kind, case.replace("_", " ").capitalize()))
    return dict(found)


def operations(package: str, tags: list[str]) -> Callable[..., Callable[[View], View]]:
    """How a package's routes describe themselves: by the operation's name, with its examples and
    those of another one whose answer it `shows`."""
    known = examples(package)

    def operation(name: str, *, shows: str = "", **options: Any) -> Callable[[View], View]:
        shown = [*known.get(name, ()), *known.get(shows, ())]
        return extend_schema(operation_id=name, tags=tags, examples=shown, **options)

    return operation


def _example(file: Traversable, kind: str, words: str) -> OpenApiExample:
    text = file.read_bytes().decode()
    return OpenApiExample(
        words,
        json.loads(text) if file.name.endswith(".json") else text,
        request_only=kind == REQUEST,
        response_only=kind != REQUEST,
        media_type=guess_type(file.name)[0],
        status_codes=None if kind == REQUEST else [kind],
    )
