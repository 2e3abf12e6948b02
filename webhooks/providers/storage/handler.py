"""What storage deliveries become: recordings to analyse."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import orjson
from django.db import transaction

from emg.recordings import jobs
from emg.recordings.registry import register
from omibackend.core.errors import Refused, SetAside
from omibackend.core.work import lanes
from omibackend.core.work.effects import Change, Effect
from webhooks.models import Delivery
from webhooks.providers.storage import payloads
from webhooks.providers.storage.payloads import StorageMessage, StorageSettings


def handle_many(deliveries: Sequence[Delivery]) -> dict[UUID, list[Effect]]:
    """Each object takes its turn until the transaction ends: all of them in one order, so that
    two jobs never wait for each other."""
    found = [
        (announced.name, delivery.pk, announced, delivery)
        for delivery in deliveries
        for announced in _told(delivery).objects
    ]
    effects: dict[UUID, list[Effect]] = defaultdict(list)
    for _, pk, announced, delivery in sorted(found, key=lambda item: item[:2]):
        recording, change = register(
            announced,
            owner_id=delivery.endpoint.owner_id,
            delivery_id=pk,
            received_at=delivery.received_at,
        )
        if recording.delivery_id == pk:  # the answer was first to make it
            change = Change.CREATED
        effects[pk].append(Effect.on("recording", recording.pk, change))
    transaction.on_commit(lambda: lanes.wake(jobs.LANE))
    return {delivery.pk: effects[delivery.pk] for delivery in deliveries}


def _told(delivery: Delivery) -> StorageMessage:
    try:
        settings = StorageSettings.of(delivery.endpoint.settings)
        return payloads.read(delivery.dialect, orjson.loads(delivery.raw()), settings)
    except Refused as error:  # by a rule that is newer than the delivery
        raise SetAside(error.detail) from error
