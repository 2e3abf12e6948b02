"""What this app brings along."""

import io
from collections.abc import Iterator
from functools import partial
from typing import IO
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from omibackend.core.manifest import Daily, Entry, Finder, Lane, Manifest, Rule, Stat
from omibackend.core.personal_data import File, PersonalData, Table, rows_of
from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.work.leased import State
from webhooks.inbox import refusals
from webhooks.inbox.endpoints import deliveries_of, strip
from webhooks.models import Delivery, Endpoint, LinkCode, OmiLink
from webhooks.providers.omi import shared

SUFFIXES = {"application/json": "json", "text/plain": "txt"}
# Of a shared endpoint only what became this person's.
OWN = """
    FROM webhooks_endpoint e CROSS JOIN LATERAL (
        SELECT id, received_at FROM webhooks_delivery d WHERE d.endpoint_id = e.id {more}
    ) d WHERE e.owner_id = %(owner)s AND NOT e.shared"""
SHARED = "FROM webhooks_delivery d WHERE d.person_id = %(owner)s"


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


PERSONAL_DATA = PersonalData(
    "webhooks",
    tables=(
        Table(
            "deliveries",
            _mine,
            "id endpoint_id event received_at content_type body_bytes headers query remote_addr"
            " state effects duplicates",
        ),
        Table("endpoints", rows_of(Endpoint), "id provider name policy enabled created_at"),
        Table("codes", rows_of(LinkCode, "user")),
        Table("wearables", rows_of(OmiLink, "user"), "uid linked_at"),
    ),
    files=bodies,
    uids=lambda user_id: OmiLink.objects.filter(user_id=user_id).values_list("uid", flat=True),
    forget=forget,
)


manifest = Manifest(
    needs=(
        Finder("webhooks.view_delivery", "webhooks.admin.needs.dead_deliveries"),
        Finder("webhooks.view_endpoint", "webhooks.admin.needs.endpoints"),
    ),
    figures=(Finder("webhooks.view_delivery", "webhooks.admin.home.figures"),),
    panels=(
        Finder("", "webhooks.admin.home.start"),
        Finder("webhooks.view_endpoint", "webhooks.admin.home.senders"),
        Finder("webhooks.view_delivery", "webhooks.admin.home.last_day"),
    ),
    sidebar=(
        Entry(
            *(10, "Deliveries", "move_to_inbox", "webhooks.delivery", "Webhooks"),
            badge="webhooks.admin.needs.badge",
        ),
        Entry(11, "Endpoints", "webhook", "webhooks.endpoint", "Webhooks"),
        Entry(92, "Omi links", "link", "webhooks.omilink"),
    ),
    search=(
        Finder("webhooks.view_endpoint", "webhooks.admin.finding.endpoints"),
        Finder("webhooks.view_delivery", "webhooks.admin.finding.deliveries"),
    ),
    retention=(
        Rule(
            "raw bodies",
            lambda before: Delivery.objects.filter(
                pk__lt=first_uuid7(before),
                state__in=(State.DONE, State.IGNORED),
                body__isnull=False,
            ),
            days=lambda: settings.RETENTION_RAW_BODIES_DAYS,
            remove=strip,
        ),
        Rule(
            "dead letters",
            lambda before: Delivery.objects.filter(pk__lt=first_uuid7(before), state=State.DEAD),
            days=lambda: settings.RETENTION_DEAD_LETTERS_DAYS,
        ),
    ),
    lanes=(Lane("inbox", "deliveries, in the order that they came", one_in=2, most=4),),
    stats=(
        Stat("endpoints", "FROM webhooks_endpoint WHERE owner_id = %(owner)s"),
        Stat(
            "deliveries",
            f"FROM (SELECT d.id {OWN.format(more='')} UNION ALL SELECT d.id {SHARED}) d",
            "raw ones that are still listed",
            daily=(
                Daily(OWN.format(more=""), "d.id", by="ids"),
                Daily(SHARED, "d.id", by="ids"),
            ),
            last=(
                f"SELECT max(d.received_at) {OWN.format(more='ORDER BY id DESC LIMIT 1')}",
                f"SELECT d.received_at {SHARED} ORDER BY d.id DESC LIMIT 1",
            ),
        ),
    ),
    personal_data=(PERSONAL_DATA,),
)
