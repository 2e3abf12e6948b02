"""What a view tells the API's description of one of its operations."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema

from omibackend.core.api.examples import examples

Method = TypeVar("Method", bound=Callable[..., Any])


def operations(package: str, tag: str) -> Callable[..., Callable[[Method], Method]]:
    """Describes an operation by its id, with its own examples and those of the others named."""
    known = examples(package)

    def operation(name: str, *others: str, **told: Any) -> Callable[[Method], Method]:
        shown = [*known.get(name, ()), *(each for other in others for each in known[other])]
        return extend_schema(operation_id=name, tags=[tag], examples=shown, **told)

    return operation
