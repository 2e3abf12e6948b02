"""What a question is answered from, the answer, and the two ways to fail."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel

from omibackend.core.errors import OmiError

Provider = Literal["openai", "rules"]
Form = TypeVar("Form", bound=BaseModel)


@dataclass(frozen=True)
class Line:
    """Something said; `said_at` where the caller knows it."""

    speaker: str
    text: str
    said_at: datetime | None = None


@dataclass(frozen=True)
class Recalled:
    """A memory that may bear on the question."""

    id: str
    title: str
    text: str
    occurred_at: datetime


@dataclass(frozen=True)
class Turn:
    """An earlier turn of the same chat."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True)
class Note:
    """Anything else to answer from, under a heading of ours."""

    heading: str
    text: str


@dataclass(frozen=True)
class Context:
    transcript: tuple[Line, ...] = ()
    memories: tuple[Recalled, ...] = ()
    messages: tuple[Turn, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Answer:
    """`sources` are ids of the memories it rests on, `model` is "" for the rules."""

    text: str
    provider: Provider
    model: str
    sources: tuple[str, ...]
    took_ms: float


@dataclass(frozen=True)
class Completion(Generic[Form]):
    """An answer in the form that was asked for; tokens are None where the server counts none."""

    value: Form
    model: str
    tokens_in: int | None
    tokens_out: int | None
    took_ms: float


class ModelError(OmiError):
    """No usable answer this time; the next try may bring one."""


class ModelRefused(OmiError):
    """The model's server will say the same again until somebody changes the configuration."""

    retryable: ClassVar[bool] = False


class NoModel(ModelRefused):
    """The rules cannot do what only a model can."""
