"""Storage senders on the wire: what proves them, and what they mean."""

import hmac
from collections.abc import Callable, Sequence
from functools import partial

from django.http import HttpResponse

from webhooks.inbox.provider import Dialect, Incoming, KnownEndpoint, Parsed, Sample, Stored
from webhooks.inbox.signatures import Verdict, which_signed
from webhooks.providers.storage import payloads, samples
from webhooks.providers.storage.payloads import StorageSettings

Respond = Callable[[KnownEndpoint, Incoming, Parsed, Stored | None], HttpResponse]
PROOF_HEADERS = ("x-supabase-signature", "x-webhook-secret")


def is_signed(incoming: Incoming) -> bool:
    return any(name in incoming.proof for name in PROOF_HEADERS)


def verify(incoming: Incoming, secrets: Sequence[str]) -> Verdict:
    """The secret itself, which is all that a database trigger can send, or the HMAC-SHA256 of the
    body in hexadecimal, with or without `sha256=` before it."""

    def accepted(key: bytes) -> list[bytes]:
        signed = hmac.digest(key, incoming.body, "sha256").hex().encode()
        return [key, signed, b"sha256=" + signed]

    offered = [
        incoming.proof[name].strip().encode() for name in PROOF_HEADERS if name in incoming.proof
    ]
    reason = "the secret or signature in the header did not match"
    return which_signed(secrets, offered, accepted, reason)


def parse(dialect: str, incoming: Incoming, settings: StorageSettings) -> Parsed:
    told = payloads.read(dialect, incoming.payload, settings)
    return Parsed(
        event=told.event,
        payload=told,
        dedup_key=incoming.headers.get("idempotency-key") or told.key,
        ignored=not told.objects,
    )


def _is_minio(incoming: Incoming) -> bool:
    return "EventName" in incoming.shape and _is_s3(incoming)


def _is_s3(incoming: Incoming) -> bool:
    found = incoming.shape
    return isinstance(found.get("Records"), list) or found.get("Event") == "s3:TestEvent"


def _is_supabase(incoming: Incoming) -> bool:
    return {"type", "table"} <= incoming.shape.keys()


def dialects(respond: Respond) -> tuple[Dialect, ...]:
    """They differ in their shapes only: all are JSON, proven and answered alike."""
    told_by: dict[str, tuple[Callable[[Incoming], bool], Callable[[], list[Sample]]]] = {
        "plain": (lambda _: False, samples.plain),
        "minio": (_is_minio, samples.minio),
        "s3": (_is_s3, samples.s3),
        "supabase": (_is_supabase, samples.supabase),
    }
    return tuple(
        Dialect(
            name=name,
            recognises=recognises,
            content_types=("application/json",),
            proof_headers=PROOF_HEADERS,
            is_signed=is_signed,
            verify=verify,
            parse=partial(parse, name),
            respond=respond,
            samples=shown,
        )
        for name, (recognises, shown) in told_by.items()
    )
