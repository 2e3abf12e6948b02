"""What django-axes asks us: whom it counts, and what it answers."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from omibackend.core.errors import error_response


def name_tried(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name as the look-up spells it, or its capitals would each count anew. What is no
    address may be a password in the wrong field, and is not kept."""
    found = (credentials or {}).get("username") or request.POST.get("username") or ""
    name = str(found).strip().lower()[:254]
    return name if "@" in name else ""


def locked_out(request: HttpRequest, credentials: dict[str, Any] | None) -> HttpResponse:
    minutes = settings.AXES_COOLOFF_TIME.total_seconds() / 60
    return error_response(
        429,
        "locked_out",
        f"Too many wrong passwords. Try again in {minutes:.0f} minutes.",
        retry_after_s=int(minutes * 60),
    )
