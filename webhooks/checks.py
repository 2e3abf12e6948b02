"""System checks of how the inbox is set up."""

from typing import Any

from django.conf import settings
from django.core import checks


def register() -> None:
    checks.register(settings_are_safe, checks.Tags.security, deploy=True)
    checks.register(the_whole_reply_fits, checks.Tags.compatibility)


def settings_are_safe(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:
    if not settings.REDIS_URL.startswith("redis://") or "@" in settings.REDIS_URL:
        return []
    return [
        checks.Info(
            "Redis is reached over TCP without a password.",
            hint="Redis is trusted: give it a password or a private network.",
            id="webhooks.I001",
        )
    ]


def the_whole_reply_fits(app_configs: Any, **_: Any) -> list[checks.CheckMessage]:
    """Omi waits 30 s; a reply and its storage must fit into that."""
    if settings.OMI_REPLY_BUDGET_MS < settings.REQUEST_TIMEOUT_MS:
        return []
    return [
        checks.Error(
            "OMI_REPLY_BUDGET_MS must be smaller than REQUEST_TIMEOUT.", id="webhooks.E001"
        )
    ]
