"""What this app keeps of a person."""

import io
from collections.abc import Iterator
from functools import partial
from typing import IO
from uuid import UUID

from django.db.models import QuerySet

from omibackend.core.personal_data import File, PersonalData, Table
from webhooks.inbox import refusals
from webhooks.inbox.endpoints import deliveries_of
from webhooks.models import Delivery, Endpoint, LinkCode, OmiLink
from webhooks.providers.omi import shared

SUFFIXES = {"application/json": "json", "text/plain": "txt"}


def _mine(user_id: int) -> QuerySet[Delivery]:
    """Also what waits at a shared endpoint for a wearable that is theirs by now."""
    uids = OmiLink.objects.filter(user_id=user_id).values("uid")
    return deliveries_of(user_id) | shared.waiting_for(uids)


def _body(delivery_id: UUID) -> IO[bytes]:
    body = Delivery.objects.filter(pk=delivery_id).values_list("body", flat=True).first()
    return io.BytesIO(bytes(body or b""))


def bodies(user_id: int) -> Iterator[File]:
    """The raw deliveries, as far as retention has left them."""
    kept = _mine(user_id).filter(body__isnull=False)
    for pk, content_type in kept.order_by("pk").values_list("pk", "content_type"):
        suffix = SUFFIXES.get(content_type.partition(";")[0].strip().lower(), "bin")
        yield File(f"deliveries/{pk}.{suffix}", partial(_body, pk))


def forget(user_id: int) -> None:
    """The masked samples of refused requests."""
    refusals.forget(list(Endpoint.objects.filter(owner_id=user_id).values_list("pk", flat=True)))


PersonalData.register(
    PersonalData(
        "webhooks",
        tables=(
            Table(
                "deliveries",
                _mine,
                (
                    *("id", "endpoint_id", "event", "received_at", "content_type", "body_bytes"),
                    *("headers", "query", "remote_addr", "state", "became", "duplicates"),
                ),
            ),
            Table(
                "endpoints",
                lambda user_id: Endpoint.objects.filter(owner_id=user_id),
                ("id", "provider", "name", "policy", "enabled", "created_at"),
            ),
            Table("codes", lambda user_id: LinkCode.objects.filter(user_id=user_id)),
            Table(
                "wearables",
                lambda user_id: OmiLink.objects.filter(user_id=user_id),
                ("uid", "linked_at"),
            ),
        ),
        files=bodies,
        uids=lambda user_id: OmiLink.objects.filter(user_id=user_id).values_list("uid", flat=True),
        forget=forget,
    )
)
