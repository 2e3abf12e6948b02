"""The REST API as its own description tells it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    told: Any

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def is_open(self) -> bool:
        """Whether anybody may call it."""
        return not any(self.told.get("security", []))

    @property
    def body(self) -> Any:
        """The documented example of what is sent."""
        content = self.told.get("requestBody", {}).get("content", {})
        examples = content.get("application/json", {}).get("examples", {})
        return next((example["value"] for example in examples.values()), {})


@cache
def operations() -> tuple[Operation, ...]:
    schema: Any = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return tuple(_operations(schema["paths"]))


def _operations(paths: Any) -> Iterator[Operation]:
    for path, told in paths.items():
        for method in METHODS:
            if method in told:
                yield Operation(method, path, told[method])
