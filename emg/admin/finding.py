"""Recordings for the search of the whole admin."""

from collections.abc import Iterator

from django.urls import reverse
from unfold.dataclasses import SearchResult

from emg.admin.listing import search
from emg.models import Recording

MOST_FOUND = 6


def recordings(term: str) -> Iterator[SearchResult]:
    """By a whole id, session or patient, as in the list: a name says too much to be kept."""
    rows = search(Recording.objects.order_by("-recorded_at", "-id"), term)
    for row in rows.only("state", "recorded_at")[:MOST_FOUND]:
        page = reverse("admin:emg_recording_change", args=[row.pk])
        yield SearchResult(str(row), f"Recording, {row.get_state_display()}", page, "monitor_heart")
