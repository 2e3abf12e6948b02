"""Signature schemes of the senders: pure functions over raw bytes, compared in constant time."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE_S = 300


@dataclass(frozen=True)
class Verdict:
    """`matched` is the index of the secret that signed; None means refused, for `reason`."""

    matched: int | None
    reason: str = ""


def omi_v1(header: str, *, uid: str, body: bytes, secrets: Sequence[str], now_s: float) -> Verdict:
    """`X-Omi-Signature: t=<unix>,v1=<hex>[,v1=<hex>]` over `"<t>.<uid>." + body`.

    HMAC-SHA256, keyed with the whole secret string including `whsec_`. While Omi rotates a
    secret it sends one `v1` for each. Unknown schemes in the header are skipped.
    Source: Omi's plugin SDK, `webhook_signing`.
    """
    timestamp, offered = _fields(header)
    if timestamp is None or not offered:
        return Verdict(None, "the X-Omi-Signature header is malformed")
    age_s = now_s - timestamp
    if abs(age_s) > TOLERANCE_S:
        side = "old" if age_s > 0 else "in the future"
        return Verdict(None, f"the signature's time is {abs(age_s):.0f} s {side}: check the clocks")
    signed = b"%d.%s." % (timestamp, uid.encode()) + body
    for index, secret in enumerate(secrets):
        expected = hmac.digest(secret.encode(), signed, "sha256").hex().encode()
        # Every pair is compared, so that the time taken says nothing about which one matched.
        if sum(hmac.compare_digest(expected, item) for item in offered):
            return Verdict(index)
    return Verdict(None, "the signature did not match")


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
