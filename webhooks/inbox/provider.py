"""What a sender's module has to say about itself."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from omibackend.core.errors import Refused
from omibackend.core.work.effects import Effect
from webhooks.inbox.signatures import Verdict
from webhooks.models import Delivery

# The owner of what is not yet anybody's.
NOBODY = 0


class Payload(BaseModel):
    """A part of what a sender sends. What it says beside it is ignored: senders add some with
    every release."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class SenderSettings(BaseModel):
    """What an endpoint may set for its sender; what must stay secret is a SecretStr.

    `format` pins one dialect, whatever a request says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = Field(default="", max_length=0)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Those that an older version stored and that do not fit any more count as not set."""
        try:
            return cls.model_validate(stored)
        except ValidationError:
            return cls()


@dataclass(frozen=True)
class Incoming:
    """One request, as it came. `query` holds no token.

    `proof` holds the `proof_headers` as they came: in `headers`, which are stored, they are masked.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    remote_addr: str | None
    proof: Mapping[str, str] = field(default_factory=dict)
    # As the sender called it, token and all. Asked for only by whom it is signed by.
    url: Callable[[], str] = str

    @cached_property
    def payload(self) -> Any:
        """Strict JSON: no NaN, no lone surrogate, no bad UTF-8, at most 1024 levels deep."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise Refused(
                400, "malformed", f"The body is not valid JSON: {error.msg} ({place})."
            ) from error

    @cached_property
    def shape(self) -> Mapping[str, Any]:
        """The JSON object that a dialect is known by. What is none is said once it is proven."""
        try:
            return self.payload if isinstance(self.payload, dict) else {}
        except Refused:
            return {}


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """An endpoint as the acknowledgement needs it, kept in the process for a few seconds."""

    id: UUID
    owner_id: int
    policy: str
    rate_limit_per_minute: int | None
    secret: str
    previous_secret: str
    previous_secret_live: bool
    # Many people's: `owner_id` is then put in for each request (see Provider.place).
    shared: bool = False
    settings: SenderSettings = field(default_factory=SenderSettings)

    @property
    def live_secrets(self) -> list[str]:
        previous = self.previous_secret if self.previous_secret_live else ""
        return [secret for secret in (self.secret, previous) if secret]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the sender's module makes of a request without looking at single messages.

    `ignored`: known, stored, never worked. `counted`: known, counted, not stored.
    """

    event: str
    payload: Any = None
    dedup_key: str | None = None
    # Whom of the sender's people it is about: Omi's uid, a phone number.
    subject: str = ""
    ignored: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a delivery went. `id` of a duplicate is that of the delivery stored first;
    `attentive` is the provider's `attention`."""

    id: UUID
    fresh: bool
    attentive: bool = False


@dataclass(frozen=True)
class Sample:
    """A request that shows the sender at work: `up` prints and `up --demo` sends these."""

    body: Any
    query: Mapping[str, str]
    headers: Mapping[str, str]

    def curl(self, url: str) -> str:
        """Ready to paste."""
        query = f"?{urlencode(self.query)}" if self.query else ""
        body = shlex.quote(json.dumps(self.body, ensure_ascii=False))
        return f"curl -s {shlex.quote(url + query)} -H 'Content-Type: application/json' -d {body}"


@dataclass(frozen=True)
class Dialect:
    """One way in which a sender's requests are proven, read and answered."""

    name: str
    content_types: tuple[str, ...]
    is_signed: Callable[[Incoming], bool]
    # Of raw bytes; the caller has the secrets in order: the current, then the previous one.
    verify: Callable[[Incoming, Sequence[str]], Verdict]
    # Raises Refused(400) for what nobody who speaks it would send.
    parse: Callable[[Incoming, Any], Parsed]
    # The answer after the delivery is stored (`stored` is None when it was only counted).
    respond: Callable[[KnownEndpoint, Incoming, Parsed, Stored | None], HttpResponse]
    # Requests as they come, in the order of a story.
    samples: Callable[[], list[Sample]]
    # By its headers or its shape; not asked of a request that names its format. Not proven yet.
    recognises: Callable[[Incoming], bool] = lambda _: False
    # Headers that may hold a secret itself, beside those whose names say so.
    proof_headers: tuple[str, ...] = ()
    # The answer to a request that was proven and then refused.
    refuse: Callable[[Refused], HttpResponse] = Refused.response


class Proof(NamedTuple):
    """That a request comes from an endpoint's sender. `signature` is "", "valid" or "previous
    secret"."""

    endpoint: KnownEndpoint
    dialect: Dialect
    signature: str = ""


@dataclass(frozen=True, eq=False)
class Provider:
    """A sender. Adding one is a folder with these functions and a line in `PROVIDERS`."""

    name: str
    label: str
    icon: str
    # The first takes what no other recognises, says what was expected, and shows the sender at
    # work.
    dialects: tuple[Dialect, ...]
    # Effects of many deliveries, in the caller's transaction. One that cannot be taken in bulk
    # may be left out of the result: it is then worked alone.
    handle_many: Callable[[Sequence[Delivery]], dict[UUID, list[Effect]]]
    # The answer to a GET on the endpoint's address: a gateway's health or a set-up check.
    check: bytes
    # The request to try first.
    first: Callable[[], Sample]
    # What its endpoints may set; the plain SenderSettings: nothing.
    settings: type[SenderSettings] = SenderSettings
    # An SQL condition on {owner} and {subject}, answered in the statement that stores the
    # delivery: `Stored.attentive`.
    attention: str = "false"
    # On a shared endpoint: the endpoint as that of the person whom the request is about, with
    # `owner_id` NOBODY if that is no account's, and the request with that person as subject.
    # None: this sender has no shared endpoints.
    place: Callable[[KnownEndpoint, Incoming, Parsed], tuple[KnownEndpoint, Parsed]] | None = None
    # Only staff make its endpoints: a delivery may name any object of a store that is everybody's.
    staff_only: bool = False
    # What the sender itself does about failures, shown beside the running count.
    gives_up: str = ""
    gives_up_after: int | None = None

    @cached_property
    def content_types(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for each in self.dialects for name in each.content_types))

    @cached_property
    def proof_headers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for each in self.dialects for name in each.proof_headers))

    def answer_check(self) -> HttpResponse:
        return HttpResponse(self.check, content_type="application/json")

    def samples(self) -> list[Sample]:
        return self.dialects[0].samples()

    def dialect(self, name: str) -> Dialect:
        found = {each.name: each for each in self.dialects}
        if name not in found:
            known = ", ".join(found)
            raise Refused(400, "unknown_format", f"No such format. Known: {known}.", attr="format")
        return found[name]

    def dialect_of(self, incoming: Incoming, settings: SenderSettings) -> Dialect:
        """That which the endpoint pins, `?format=` names or the request shows."""
        first = self.dialects[0]
        if len(self.dialects) == 1:
            return first
        if named := settings.format or incoming.query.get("format"):
            found = self.dialect(named)
        else:
            found = next((each for each in self.dialects if each.recognises(incoming)), first)
        if incoming.content_type not in found.content_types:
            raise unsupported(found.content_types)
        return found


def unsupported(content_types: Sequence[str]) -> Refused:
    wanted = ", ".join(content_types)
    return Refused(415, "unsupported_type", f"Content-Type must be one of: {wanted}.")
