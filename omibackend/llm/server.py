"""The one door to a model's server: a POST of JSON, within a deadline."""

import asyncio
from typing import Any

from django.conf import settings


class ServerAway(Exception):
    """Nobody listens there, or not HTTP."""


def post(path: str, body: dict[str, Any], *, timeout_s: float) -> tuple[int, bytes]:
    """The status and the body of the answer, or TimeoutError or ServerAway."""
    return asyncio.run(_post(path, body, timeout_s))


async def _post(path: str, body: dict[str, Any], timeout_s: float) -> tuple[int, bytes]:
    import httpx  # only who asks a model pays for it

    headers = {"Authorization": f"Bearer {settings.OPENAI_API_KEY or 'none'}"}
    url = f"{settings.OPENAI_BASE_URL.rstrip('/')}/{path}"
    try:
        # The deadline is on the whole exchange: a timeout per read never ends a server that
        # sends a byte a second, and cancelling closes the connection at once.
        async with (
            asyncio.timeout(timeout_s),
            httpx.AsyncClient(timeout=timeout_s, follow_redirects=True) as client,
        ):
            answer = await client.post(url, json=body, headers=headers)
    except httpx.TimeoutException as error:
        raise TimeoutError from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ServerAway(type(error).__name__) from error
    return answer.status_code, answer.content
