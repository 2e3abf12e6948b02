"""Omi's notification API (https://docs.omi.me/doc/developer/apps/Notifications)."""

from django.conf import settings

from omibackend.core.errors import SetAside
from omibackend.core.work.outbox import MaybeSent, NotSent

TIMEOUT_S = 10.0


def is_configured() -> bool:
    return bool(settings.OMI_APP_ID and settings.OMI_APP_SECRET)


def notify(uid: str, message: str) -> None:
    """Returns once Omi has taken the message. Raises SetAside, NotSent or MaybeSent."""
    import httpx  # only who sends needs it

    url = f"{settings.OMI_API_URL.rstrip('/')}/v2/integrations/{settings.OMI_APP_ID}/notification"
    headers = {"Authorization": f"Bearer {settings.OMI_APP_SECRET}", "Content-Length": "0"}
    try:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            answer = client.post(url, params={"uid": uid, "message": message}, headers=headers)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotSent("Omi's API cannot be reached. Check OMI_API_URL.") from error
    except httpx.HTTPError as error:
        raise MaybeSent("The connection to Omi's API broke off.") from error
    _judge(answer.status_code)


def _judge(status: int) -> None:
    if status < 300:
        return
    if status in (401, 403):
        raise SetAside(f"Omi's API answered {status}. Check OMI_APP_SECRET.")
    if status == 404:
        raise SetAside(
            "Omi's API answered 404. Check OMI_APP_ID, and that the app is enabled for the person."
        )
    if status == 429 or status >= 500:
        raise NotSent(f"Omi's API answered {status}.")
    raise SetAside(f"Omi's API refused the notification with {status}.")
