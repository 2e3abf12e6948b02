"""Questions and instructions for a model, as chat completions, which every compatible server
speaks."""

import re
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from pydantic import BaseModel, Field, ValidationError

from omibackend.core.errors import OmiError
from omibackend.core.logging import logger
from omibackend.llm import rules
from omibackend.llm.context import (
    Answer,
    Completion,
    Context,
    Form,
    ModelError,
    ModelRefused,
    NoModel,
)
from omibackend.llm.prompt import ModelReply, instruction, messages, schema_of
from omibackend.llm.server import ServerAway, post

MOST_ANSWER_CHARS = 1200
MOST_TOKENS = 1 << 31
PASSING_STATUSES = frozenset({408, 409, 425, 429})
OTHER_FORM = "The model's answer was not in the agreed form."
NO_SCHEMA = re.compile(rb"response.?format|json.?schema|structured", re.IGNORECASE)

log = logger("model")

# (base URL, model) of servers that turned out to know `json_object` only.
_without_schema: set[tuple[str, str]] = set()


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    # Not every server counts, and a wrong count spoils no answer.
    usage: Any = None

    def tokens(self, name: str) -> int | None:
        counted = self.usage.get(name) if isinstance(self.usage, dict) else None
        return counted if isinstance(counted, int) and 0 <= counted < MOST_TOKENS else None


def answer(question: str, context: Context, *, timeout_s: float) -> Answer:
    """Answers within `timeout_s` or raises ModelError or ModelRefused. Takes no transaction and
    no database connection, and must not be called inside a transaction."""
    started = time.perf_counter()
    if not settings.OPENAI_API_KEY:
        return rules.answer(question, context, took_ms=_ms(started))
    found = _exchange(messages(question, context), ModelReply, timeout_s)
    reply = found.value
    if not reply.answer.strip():
        raise ModelError("The model's answer was empty.")
    given = {memory.id for memory in context.memories}
    return Answer(
        text=_cut(reply.answer),
        provider="openai",
        model=found.model,
        sources=tuple(dict.fromkeys(key for key in reply.memory_ids if key in given)),
        took_ms=found.took_ms,
    )


def complete(
    prompt: str, data: Mapping[str, str], form: type[Form], *, timeout_s: float
) -> Completion[Form]:
    """Follows an instruction whose {variables} stand for data, as `answer` does: the same errors,
    no transaction. Without a model it raises NoModel."""
    if not settings.OPENAI_API_KEY:
        raise NoModel(rules.NO_MODEL)
    return _exchange(instruction(prompt, data, form), form, timeout_s)


def _exchange(said: list[dict[str, str]], form: type[Form], timeout_s: float) -> Completion[Form]:
    started = time.perf_counter()
    try:
        completion = _ask(said, schema_of(form), timeout_s)
        value = _read(completion.choices[0].message.content, form)
    except OmiError as error:
        log.warning("no answer", extra={"took_ms": _ms(started)}, exc_info=error)
        raise
    took_ms = _ms(started)
    log.info("answered", extra={"took_ms": took_ms, "model": settings.OPENAI_MODEL})
    return Completion(
        value=value,
        model=settings.OPENAI_MODEL,
        tokens_in=completion.tokens("prompt_tokens"),
        tokens_out=completion.tokens("completion_tokens"),
        took_ms=took_ms,
    )


def _ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)


def _cut(text: str) -> str:
    text = text.strip()
    if len(text) <= MOST_ANSWER_CHARS:
        return text
    return text[:MOST_ANSWER_CHARS].rsplit(" ", 1)[0] + " …"


def _ask(said: list[dict[str, str]], schema: dict[str, Any], timeout_s: float) -> _Completion:
    """With a schema if the server knows how, else with `json_object`, within one deadline."""
    server = (settings.OPENAI_BASE_URL, settings.OPENAI_MODEL)
    until = time.monotonic() + timeout_s
    try:
        if server not in _without_schema:
            status, body = _post(said, schema, until)
            if status not in (400, 422) or not NO_SCHEMA.search(body):
                return _completion(status, body)
        status, body = _post(said, {"type": "json_object"}, until)
    except TimeoutError as error:
        raise ModelError(f"The model did not answer within {timeout_s:g} s.") from error
    except ServerAway as error:
        raise ModelError("The model's server cannot be reached. Check OPENAI_BASE_URL.") from error
    completion = _completion(status, body)
    _without_schema.add(server)
    return completion


def _post(said: list[dict[str, str]], form: dict[str, Any], until: float) -> tuple[int, bytes]:
    asked = {"model": settings.OPENAI_MODEL, "messages": said, "response_format": form}
    return post("chat/completions", asked, timeout_s=until - time.monotonic())


def _completion(status: int, body: bytes) -> _Completion:
    if status >= 400:
        raise _refusal(status)
    return _read(body, _Completion)


def _refusal(status: int) -> OmiError:
    if status in (401, 403):
        return ModelRefused(f"The model's server answered {status}. Check OPENAI_API_KEY.")
    if status == 404:
        return ModelRefused(
            "The model's server answered 404. Check OPENAI_MODEL and OPENAI_BASE_URL."
        )
    if status >= 500 or status in PASSING_STATUSES:
        return ModelError(f"The model's server answered {status}.")
    return ModelRefused(f"The model's server refused the request with {status}.")


def _read(text: str | bytes, form: type[Form]) -> Form:
    try:
        return form.model_validate_json(text)
    except ValidationError as error:
        raise ModelError(OTHER_FORM) from error
