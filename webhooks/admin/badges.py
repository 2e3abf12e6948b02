"""Marks in the sidebar."""

from typing import Any

from django.core.cache import cache

from webhooks.models import Delivery

KEPT_S = 10
MOST_COUNTED = 99


def dead() -> dict[str, Any]:
    """Unfold shows a badge at zero too, so there is none at zero."""
    number = cache.get_or_set("navigation:dead", _count_dead, KEPT_S) or 0
    words = str(number) if number <= MOST_COUNTED else f"{MOST_COUNTED}+"
    return {"badge": words, "badge_variant": "danger", "badge_style": "solid"} if number else {}


def _count_dead() -> int:
    return Delivery.objects.filter(state="dead")[: MOST_COUNTED + 1].count()
