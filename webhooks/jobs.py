"""The background work of the inbox: each delivery goes to its sender's module."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from omibackend.core.work import registry
from omibackend.core.work.effects import Effect
from omibackend.core.work.registry import WorkType
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS

LEASE_S = 30


def work_many(deliveries: Sequence[Delivery]) -> dict[UUID, list[Effect]]:
    _with_endpoints(deliveries)
    by_provider: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        by_provider[delivery.endpoint.provider].append(delivery)
    effects: dict[UUID, list[Effect]] = {}
    for name, rows in by_provider.items():
        effects |= PROVIDERS[name].handle_many(rows)
    return effects


def work_one(delivery: Delivery, _: None) -> list[Effect]:
    return work_many([delivery]).get(delivery.pk, [])


def _with_endpoints(deliveries: Sequence[Delivery]) -> None:
    """One query for the endpoints of a batch."""
    found = Endpoint.objects.in_bulk({delivery.endpoint_id for delivery in deliveries})
    for delivery in deliveries:
        delivery.endpoint = found[delivery.endpoint_id]


def register() -> None:
    registry.register(
        WorkType(
            model=Delivery,
            lane="inbox",
            lease_s=LEASE_S,
            apply=work_one,
            apply_many=work_many,
        )
    )
