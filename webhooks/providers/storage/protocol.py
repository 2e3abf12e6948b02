"""Storage senders on the wire: what proves them, and what they mean."""

import hmac
from collections.abc import Sequence

from webhooks.inbox.provider import Incoming, Parsed, parse_json
from webhooks.inbox.signatures import Verdict
from webhooks.providers.storage import payloads

PROOF_HEADERS = ("x-supabase-signature", "x-webhook-secret")


def is_signed(incoming: Incoming) -> bool:
    return any(name in incoming.proof for name in PROOF_HEADERS)


def verify(incoming: Incoming, secrets: Sequence[str]) -> Verdict:
    """The secret itself, which is all that a database trigger can send, or the HMAC-SHA256 of the
    body in hexadecimal, with or without `sha256=` before it."""
    offered = [
        incoming.proof[name].strip().encode() for name in PROOF_HEADERS if name in incoming.proof
    ]
    for index, secret in enumerate(secrets):
        signed = hmac.digest(secret.encode(), incoming.body, "sha256").hex()
        accepted = [secret.encode(), signed.encode(), f"sha256={signed}".encode()]
        # Every pair is compared, so that the time taken says nothing about which one matched.
        if sum(hmac.compare_digest(ours, theirs) for ours in accepted for theirs in offered):
            return Verdict(index)
    return Verdict(None, "the secret or signature in the header did not match")


def parse(incoming: Incoming) -> Parsed:
    told = payloads.read(parse_json(incoming.body))
    return Parsed(
        event=told.event,
        payload=told,
        dedup_key=incoming.headers.get("idempotency-key") or told.key,
        ignored=not told.objects,
    )
