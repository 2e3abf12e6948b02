"""What signature schemes share: pure functions over raw bytes, compared in constant time."""

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

TOLERANCE_S = 300


@dataclass(frozen=True)
class Verdict:
    """`matched` is the index of the secret that signed; None means refused, for `reason`."""

    matched: int | None
    reason: str = ""


def which_signed(
    secrets: Sequence[str],
    offered: Sequence[bytes],
    expected: Callable[[bytes], Iterable[bytes]],
    reason: str = "the signature did not match",
) -> Verdict:
    """The first secret of which one of the `expected` signatures was offered."""
    for index, secret in enumerate(secrets):
        wanted = expected(secret.encode())
        # Every pair is compared, so that the time taken says nothing about which one matched.
        if sum(hmac.compare_digest(ours, theirs) for ours in wanted for theirs in offered):
            return Verdict(index)
    return Verdict(None, reason)


def why_not_now(signed_at_s: int, now_s: float) -> str:
    """Why a signature of that time is refused; "" if it is recent."""
    age_s = now_s - signed_at_s
    if abs(age_s) <= TOLERANCE_S:
        return ""
    side = "old" if age_s > 0 else "in the future"
    return f"the signature's time is {abs(age_s):.0f} s {side}: check the clocks"
