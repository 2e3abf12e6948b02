"""A person's conversations from before the webhook: out of Omi's developer API, or a file.

Both give the body of a "memory created" for each conversation, and say where a trouble is.
The API: https://docs.omi.me/doc/developer/api/conversations (100 requests a minute for a key).
"""

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from itertools import count
from typing import IO, Any

import httpx
import orjson
from django.utils import timezone

from omibackend.core.errors import OmiError
from webhooks.providers.omi.history_file import HistoryItem, NoHistory, Trouble, objects

PAGE = 100
TIMEOUT_S = 60.0
TRIES = 4
# Omi filters what is locked out of a page after it was cut, so that one may be empty early.
EMPTY_PAGES_AT_THE_END = 2
FAILED_PAGES_IN_A_ROW = 3
LONGEST_WAIT_S = 120.0
Sleep = Callable[[float], None]


Page = list[HistoryItem | Trouble]


def from_file(file: IO[bytes]) -> Iterator[Page]:
    """A JSON list, an object that holds one, or an object on each line, read a part at a time.
    What stands before a fault of the file is told before the fault is. It closes the file."""
    page: Page = []
    try:
        with file:
            for found in objects(file):
                page.append(found)
                if len(page) == PAGE:
                    yield page
                    page = []
    finally:
        if page:
            yield page


def from_api(key: str, *, url: str, sleep: Sleep = time.sleep) -> Iterator[Page]:
    """All pages, the newest conversations first; one that fails for good is told and passed."""
    empty = failed = 0
    with httpx.Client(
        base_url=url, timeout=TIMEOUT_S, headers={"Authorization": f"Bearer {key}"}
    ) as client:
        for number in count():
            offset = number * PAGE
            where = f"offset {offset}"
            try:
                rows = _page(client, offset, sleep)
            except PageFailed as error:
                failed += 1
                yield [Trouble(f"{where} to {offset + PAGE - 1}", str(error))]
                if failed == FAILED_PAGES_IN_A_ROW:
                    raise NoHistory(f"{where}: Omi's API goes on failing.") from error
                continue
            failed = 0
            empty = 0 if rows else empty + 1
            if empty == EMPTY_PAGES_AT_THE_END:
                return
            yield [_told(row, offset + place) for place, row in enumerate(rows)]


def _told(row: Any, offset: int) -> HistoryItem | Trouble:
    where = f"offset {offset}"
    if isinstance(row, dict):
        return HistoryItem(where, orjson.dumps(row))
    return Trouble(where, "not a JSON object")


class PageFailed(OmiError):
    """Omi did not give a page, and tells nothing that could be mended."""


def _page(client: httpx.Client, offset: int, sleep: Sleep) -> list[Any]:
    why = ""
    for number in range(TRIES):
        try:
            answer = client.get(
                "/v1/dev/user/conversations",
                params={"limit": PAGE, "offset": offset, "include_transcript": "true"},
            )
        except httpx.HTTPError as error:
            why, wait_s = f"no answer ({type(error).__name__})", 2.0**number
        else:
            if answer.status_code == 200:
                return _rows(answer)
            why, wait_s = f"Omi's API answered {answer.status_code}", _wait_s(answer, number)
        if number + 1 < TRIES:
            sleep(wait_s)
    raise PageFailed(why)


def _rows(answer: httpx.Response) -> list[Any]:
    try:
        rows = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise PageFailed("Omi's API answered no JSON") from error
    if not isinstance(rows, list):
        raise PageFailed("Omi's API answered no list")
    return rows


def _wait_s(answer: httpx.Response, number: int) -> float:
    if answer.status_code in (401, 403):
        raise NoHistory(f"Omi's API answered {answer.status_code}. Check the key.")
    if answer.status_code == 429:
        asked_s = _retry_after_s(answer.headers.get("Retry-After", ""))
        if asked_s > LONGEST_WAIT_S:
            raise NoHistory(
                f"Omi's API asks to wait {asked_s:.0f} s. Run it again then: it goes on from here."
            )
        return asked_s
    return 2.0**number


def _retry_after_s(said: str) -> float:
    """Seconds or a date; a minute, the window of Omi's limit, if it says neither."""
    if said.strip().isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - timezone.now()).total_seconds())
    except (TypeError, ValueError):
        return 60.0
