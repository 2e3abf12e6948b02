"""How an endpoint is doing, as its page tells it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from omibackend.core.admin.states import state_chip
from omibackend.core.show.human import ago, several
from webhooks.admin.page import DeliveryBanner
from webhooks.health import LOOKED_BACK, EndpointState, counted, is_near, judge
from webhooks.inbox import refusals
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

DELIVERIES_SHOWN = 8
CHIPS = {
    EndpointState.OFF: ("mute", "toggle_off"),
    EndpointState.AT_RISK: ("bad", "block"),
    EndpointState.REFUSED: ("warn", "block"),
    EndpointState.UNUSED: ("mute", "remove"),
    EndpointState.FAILING: ("warn", "error"),
    EndpointState.ROTATING: ("info", "key"),
    EndpointState.FINE: ("ok", "check"),
}


def chip_of(
    endpoint: Endpoint, last_at: datetime | None, last_error: str | None
) -> tuple[str, str, str]:
    failures = refusals.running_failures(endpoint.pk, since=last_at)
    state, words = judge(endpoint, last_at=last_at, newest_error=last_error, failures=failures)
    return (*CHIPS[state], words)


def page(endpoint: Endpoint, user: Any) -> dict[str, Any]:
    newest = list(
        Delivery.objects.filter(endpoint=endpoint)
        .only("event", "state", "attempts", "last_error", "received_at", "signature")
        .order_by("-id")[:LOOKED_BACK]
    )
    last = newest[0].received_at if newest else None
    failures = refusals.running_failures(endpoint.pk, since=last)
    shown = newest[:DELIVERIES_SHOWN] if user.has_perm("webhooks.view_delivery") else []
    return {
        "endpoint": endpoint,
        "banners": list(banners(endpoint, newest, failures)),
        "running_failures": failures,
        "refused": refusals.samples(endpoint.pk),
        "counted": counted(endpoint),
        "deliveries": [{"delivery": row, "chip": state_chip(row)} for row in shown],
        "last": last,
        "last_error": next((row for row in newest if row.last_error), None),
        "address": f"/webhooks/{endpoint.provider}/…{endpoint.token_hint}/",
    }


def banners(endpoint: Endpoint, newest: list[Delivery], failures: int) -> Iterator[DeliveryBanner]:
    if not endpoint.enabled:
        yield DeliveryBanner(
            "mute", "toggle_off", "Switched off.", "Every request is refused with 401."
        )
    if is_near(endpoint, failures):
        provider = PROVIDERS[endpoint.provider]
        lead = f"Refused {several(failures, 'time')} in a row."
        yield DeliveryBanner("bad", "block", lead, f"{provider.gives_up} The reasons stand below.")
    if endpoint.accepts_previous_secret:
        yield _two_secrets(endpoint, newest)


def _two_secrets(endpoint: Endpoint, newest: list[Delivery]) -> DeliveryBanner:
    rotated = ago(endpoint.rotated_at) if endpoint.rotated_at else "some time ago"
    used = [row.received_at for row in newest if row.signature == "previous secret"]
    lead = f"Two secrets are accepted since the rotation {rotated}."
    if used:
        text = f"The old one was used {ago(used[0])}: give the sender the new one, then retire it."
        return DeliveryBanner("warn", "key", lead, text)
    seen = several(len(newest), "delivery", "deliveries")
    text = f"None of the last {seen} used the old one: it can be retired."
    return DeliveryBanner("info", "key", lead, text)
