"""What a sender's module has to say about itself."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpRequest, HttpResponse

from omibackend.core.errors import Refused
from omibackend.core.work.effects import Effect
from webhooks.inbox.signatures import Verdict

if TYPE_CHECKING:
    from webhooks.models import Delivery

# The owner of what is not yet anybody's.
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request, as it came. `query` holds no token.

    `proof` holds the provider's `proof_headers` as they came: in `headers`, which are stored, they
    are masked.
    """

    body: bytes
    content_type: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    remote_addr: str | None
    proof: Mapping[str, str] = field(default_factory=dict)


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
class Provider:
    """A sender. Adding one is a module with these functions and a line in `PROVIDERS`."""

    name: str
    label: str
    icon: str
    content_types: tuple[str, ...]
    is_signed: Callable[[Incoming], bool]
    # Of raw bytes; the caller has the secrets in order: the current, then the previous one.
    verify: Callable[[Incoming, Sequence[str]], Verdict]
    # Raises Refused(400) for what no sender of this kind would send.
    parse: Callable[[Incoming], Parsed]
    # Effects of many deliveries, in the caller's transaction. One that cannot be taken in bulk
    # may be left out of the result: it is then worked alone.
    handle_many: Callable[[Sequence["Delivery"]], dict[UUID, list[Effect]]]
    # The answer after the delivery is stored (`stored` is None when it was only counted).
    respond: Callable[[KnownEndpoint, Incoming, Parsed, Stored | None], HttpResponse]
    # Answers a GET on the endpoint's address: a gateway's health or a set-up check.
    check: Callable[[HttpRequest], HttpResponse]
    # The one to try first, and a whole story.
    first: Callable[[], Sample]
    samples: Callable[[], list[Sample]]
    # Headers that may hold a secret itself, beside those whose names say so.
    proof_headers: tuple[str, ...] = ()
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


def parse_json(body: bytes) -> Any:
    """Strict JSON: no NaN, no lone surrogate, no bad UTF-8, at most 1024 levels deep."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(
            400, "malformed", f"The body is not valid JSON: {error.msg} ({place})."
        ) from error
