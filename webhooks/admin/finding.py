"""Endpoints and deliveries for the search of the whole admin."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from unfold.dataclasses import SearchResult

from webhooks.models import Delivery, Endpoint

MOST_FOUND = 6
NEWEST = 1000


def endpoints(term: str) -> Iterator[SearchResult]:
    for row in Endpoint.objects.filter(name__icontains=term)[:MOST_FOUND]:
        page = reverse("admin:webhooks_endpoint_change", args=[row.pk])
        yield SearchResult(row.name, f"Endpoint, {row.provider}", page, "webhook")


def deliveries(term: str) -> Iterator[SearchResult]:
    """By the whole id, or by the event among the newest: nothing that would scan the table."""
    try:
        wanted = Q(pk=UUID(term))
    except ValueError:
        newest = Delivery.objects.order_by("-id").values("id")[:NEWEST]
        wanted = Q(pk__in=newest, event__icontains=term)
    rows = Delivery.objects.filter(wanted).only("event", "state").order_by("-id")[:MOST_FOUND]
    for row in rows:
        page = reverse("admin:webhooks_delivery_change", args=[row.pk])
        yield SearchResult(str(row), f"Delivery, {row.get_state_display()}", page, "move_to_inbox")
