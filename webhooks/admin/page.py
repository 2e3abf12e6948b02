"""One delivery as its page tells it: the state in words, the evidence, and what it became."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from omibackend.core.admin.outcome import attempts, became
from omibackend.core.admin.states import CHIPS, shown_state
from omibackend.core.show.body import show
from omibackend.core.show.human import ago, several, span
from omibackend.core.work.leased import most_attempts
from webhooks.admin import export
from webhooks.admin.export import MASK
from webhooks.models import Delivery

MOST_BECAME = 50
LATE_S = 30

SIGNATURES = {
    "valid": ("ok", "verified_user", "valid"),
    "previous secret": ("warn", "key", "valid, with the old secret"),
    "": ("mute", "shield", "not signed"),
}


@dataclass(frozen=True)
class DeliveryBanner:
    tone: str
    symbol: str
    lead: str
    text: str


def page(delivery: Delivery, user: Any, *, origin: str) -> dict[str, Any]:
    may_read = user.has_perm("webhooks.view_delivery_body")
    removed = delivery.body is None
    readable = may_read and not removed
    return {
        "delivery": delivery,
        "banner": banner(delivery),
        "signature": SIGNATURES.get(delivery.signature, ("mute", "shield", delivery.signature)),
        "headers": [
            {"name": name.title(), "value": value, "secret": value.startswith(MASK)}
            for name, value in delivery.headers.items()
        ],
        "became": became(delivery.effects[:MOST_BECAME], user),
        "became_more": max(len(delivery.effects) - MOST_BECAME, 0),
        "attempts": list(attempts(delivery.attempt_log)),
        "body": show(delivery.raw(), delivery.content_type) if readable else None,
        "may_read": may_read,
        "removed": removed,
        "curl": export.curl(delivery, origin=origin) if readable else "",
    }


def banner(delivery: Delivery) -> DeliveryBanner:
    state = shown_state(delivery)
    tone, symbol, _ = CHIPS[state]
    return DeliveryBanner(tone, symbol, *_BANNERS[state](delivery))


def _dead(delivery: Delivery) -> tuple[str, str]:
    if delivery.attempts < most_attempts():
        return (
            f"Set aside after {several(delivery.attempts, 'attempt')}.",
            f"{_error(delivery)} Trying again would change nothing as it stands; mend the cause, "
            "then replay.",
        )
    return (
        f"Dead after {several(delivery.attempts, 'attempt')}.",
        f"The last one failed: {_error(delivery)} Nothing more happens by itself; fix the cause, "
        "then replay.",
    )


def _retry(delivery: Delivery) -> tuple[str, str]:
    wait_s = (delivery.next_attempt_at - timezone.now()).total_seconds()
    when = f"in {span(wait_s)}" if wait_s > 0 else "as soon as a worker is free"
    return (
        f"Will be tried again {when}.",
        f"Attempt {delivery.attempts} of {most_attempts()} failed: {_error(delivery)}",
    )


def _waiting(delivery: Delivery) -> tuple[str, str]:
    waited_s = (timezone.now() - delivery.next_attempt_at).total_seconds()
    if waited_s < LATE_S:
        return "Stored, waiting for a worker.", "It is worked as soon as one is free."
    return (
        f"No worker has taken it for {span(waited_s)}.",
        "It is safe here. See under System, Queues whether a worker runs.",
    )


def _running(delivery: Delivery) -> tuple[str, str]:
    left_s = (delivery.next_attempt_at - timezone.now()).total_seconds()
    if left_s > 0:
        return "A worker has it now.", f"If nothing is heard of it in {span(left_s)}, another does."
    return "Its worker was lost.", "The next free one takes it again."


def _done(delivery: Delivery) -> tuple[str, str]:
    if delivery.finished_at is None:
        return "Done.", ""
    took = span((delivery.finished_at - delivery.received_at).total_seconds())
    tries = f" after {several(delivery.attempts, 'attempt')}" if delivery.attempts > 1 else ""
    return f"Done{tries}.", f"{took} from its arrival to the commit, {ago(delivery.finished_at)}."


def _ignored(delivery: Delivery) -> tuple[str, str]:
    return "Stored and not worked.", f"“{delivery.event}” is known and has no use here."


_BANNERS = {
    "dead": _dead,
    "retry": _retry,
    "waiting": _waiting,
    "running": _running,
    "done": _done,
    "ignored": _ignored,
}


def _error(delivery: Delivery) -> str:
    said = delivery.last_error.strip() or "no error was recorded"
    return said if said.endswith((".", "!", "?")) else f"{said}."
