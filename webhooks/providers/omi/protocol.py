"""Omi on the wire: its signature, its events by shape, and the answer that it reads."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse

from conversations.voice import inline, intake
from omibackend.accounts.preferences import recent_preferences_of
from omibackend.core.errors import Refused
from omibackend.core.logging import logger
from omibackend.core.work import lanes
from webhooks.inbox.provider import (
    NOBODY,
    Dialect,
    Incoming,
    KnownEndpoint,
    Parsed,
    SenderSettings,
    Stored,
)
from webhooks.inbox.signatures import Verdict, which_signed, why_not_now
from webhooks.providers.omi import shared
from webhooks.providers.omi.events import (
    AUDIO,
    COMBINED,
    DAY_SUMMARY,
    MEMORY,
    NOTHING_TO_DO,
    REALTIME,
)
from webhooks.providers.omi.samples import samples
from webhooks.providers.omi.words import batch_of, raw_segments, uid_of

SIGNATURE = "x-omi-signature"
log = logger("omi")


def is_signed(incoming: Incoming) -> bool:
    return SIGNATURE in incoming.headers


def verify(incoming: Incoming, secrets: Sequence[str]) -> Verdict:
    return omi_v1(
        incoming.headers[SIGNATURE],
        uid=incoming.query.get("uid", ""),
        body=incoming.body,
        secrets=secrets,
        now_s=datetime.now(UTC).timestamp(),
    )


def omi_v1(header: str, *, uid: str, body: bytes, secrets: Sequence[str], now_s: float) -> Verdict:
    """`X-Omi-Signature: t=<unix>,v1=<hex>[,v1=<hex>]` over `"<t>.<uid>." + body`.

    HMAC-SHA256, keyed with the whole secret string including `whsec_`. While Omi rotates a
    secret it sends one `v1` for each. Unknown schemes in the header are skipped.
    Source: Omi's plugin SDK, `webhook_signing`.
    """
    timestamp, offered = _fields(header)
    if timestamp is None or not offered:
        return Verdict(None, "the X-Omi-Signature header is malformed")
    if reason := why_not_now(timestamp, now_s):
        return Verdict(None, reason)
    signed = b"%d.%s." % (timestamp, uid.encode()) + body
    return which_signed(
        secrets, offered, lambda key: [hmac.digest(key, signed, "sha256").hex().encode()]
    )


def _fields(header: str) -> tuple[int | None, list[bytes]]:
    timestamp: int | None = None
    offered = []
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            timestamp = int(value)
        elif name == "v1" and value and value.isascii():
            offered.append(value.lower().encode())
    return timestamp, offered[:4]


def parse(incoming: Incoming, _: SenderSettings) -> Parsed:
    if incoming.content_type == "application/octet-stream":
        return Parsed(AUDIO, counted=True)
    payload = incoming.payload
    event = event_of(payload, incoming)
    headers = incoming.headers
    return Parsed(
        event=event or headers.get("x-omi-event", NOTHING_TO_DO)[:40],
        payload=payload,
        dedup_key=headers.get("idempotency-key") or headers.get("x-omi-delivery") or None,
        subject=uid_of(payload, incoming.query),
        ignored=event is None,
    )


def event_of(payload: Any, incoming: Incoming) -> str | None:
    """Which of Omi's events a body is, by its shape; None: one that we do not use."""
    if isinstance(payload, list):
        return REALTIME
    if not isinstance(payload, dict):
        raise Refused(400, "unrecognised", "Omi sends a JSON object or a list of segments.")
    if isinstance(payload.get("structured"), dict):
        return COMBINED if "segments" in payload else MEMORY
    if isinstance(payload.get("segments"), list):
        return REALTIME
    if isinstance(payload.get("summary_json"), dict):
        return DAY_SUMMARY
    if "x-omi-event" in incoming.headers or (
        "segments" not in payload and incoming.query.get("session_id")
    ):
        return None
    raise Refused(
        400,
        "unrecognised",
        "None of Omi's payloads: expected `segments`, `structured` or `summary_json`.",
    )


def respond(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored | None
) -> HttpResponse:
    answer: dict[str, Any] = {}
    if stored and not stored.fresh:
        answer["duplicate"] = True
    message = _reply_or_none(endpoint, incoming, parsed, stored) if stored else None
    if message:
        answer["message"] = message
    response = HttpResponse(orjson.dumps(answer), content_type="application/json")
    if stored:
        response["X-Delivery-ID"] = str(stored.id)
    return response


def _reply_or_none(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored
) -> str | None:
    """The delivery is stored and its job is on the way: a reply that fails costs the sender
    nothing, and the job asks again."""
    try:
        if not stored.fresh:
            return inline.spoken_for(stored.id)
        if parsed.event not in (REALTIME, COMBINED):
            return None
        if endpoint.owner_id == NOBODY:
            return shared.greet(parsed)
        return reply(endpoint, incoming, parsed, stored)
    except Exception as error:
        log.warning("no reply in the answer", exc_info=error)
        return None


def reply(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored
) -> str | None:
    """The spoken question's answer if these words complete one and it is ready in time."""
    if not settings.ENABLE_CONTEXT_ACTIVATION:
        return None
    preferences = recent_preferences_of(endpoint.owner_id)
    if not intake.could_matter(
        endpoint.owner_id,
        parsed.subject,
        raw_segments(parsed.payload),
        preferences,
        attentive=stored.attentive,
    ):
        return None
    batch = batch_of(
        parsed.payload,
        query=incoming.query,
        owner_id=endpoint.owner_id,
        delivery_id=stored.id,
        received_at=datetime.now(UTC),
    )
    question = intake.detect_in_request(batch, preferences)
    if question is None:
        return None
    answer = inline.answer_now(question, budget_s=settings.OMI_REPLY_BUDGET_MS / 1000)
    # For the record of what was said; or for the answer, if it was not ready in time.
    lanes.waker().mark("ai")
    return answer


WEBHOOK = Dialect(
    name="omi",
    content_types=("application/json", "application/octet-stream"),
    is_signed=is_signed,
    verify=verify,
    parse=parse,
    respond=respond,
    samples=samples,
)
