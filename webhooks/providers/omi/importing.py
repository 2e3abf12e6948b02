"""Old conversations on the way of new ones: each becomes a delivery, stored and worked as such."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from conversations.models import OmiSession
from memories.models import Memory, MemoryKind, Tombstone
from omibackend.accounts.models import User
from omibackend.core.errors import Refused
from omibackend.core.work import draining, lanes
from omibackend.core.work.leased import State
from webhooks.inbox.endpoints import create
from webhooks.inbox.receiver import store_own
from webhooks.models import Delivery, Endpoint
from webhooks.providers.omi import OMI
from webhooks.providers.omi.events import COMBINED, MEMORY
from webhooks.providers.omi.history import Page
from webhooks.providers.omi.history_file import HistoryItem, Trouble

NAME = "Import from Omi"
IMPORTED, KNOWN, DELETED = "imported", "already here", "deleted before"
WAITING, FAILED = "still being worked", "failed"


@dataclass
class ImportTally:
    """What became of the conversations so far."""

    counts: Counter[str] = field(default_factory=Counter)
    troubles: list[Trouble] = field(default_factory=list)
    done: int = 0

    def trouble(self, where: str, why: str) -> None:
        self.counts[FAILED] += 1
        self.troubles.append(Trouble(where, why))


@dataclass(frozen=True)
class Target:
    """Whose history it is, and as whose wearable it is told."""

    endpoint: Endpoint
    uid: str


def target(owner: User, *, uid: str | None) -> Target:
    """An endpoint of its own, switched off: nobody can post to it, and it shows what was
    imported. Without a uid it is that of the one wearable that the person has."""
    endpoint = Endpoint.objects.filter(
        owner=owner, provider=OMI.name, name=NAME, shared=False
    ).first()
    if endpoint is None:
        endpoint = Endpoint(owner=owner, provider=OMI.name, name=NAME, enabled=False)
        create(endpoint)
    return Target(endpoint, _only_uid(owner) if uid is None else uid)


def _only_uid(owner: User) -> str:
    seen = OmiSession.objects.filter(owner=owner).exclude(uid="").order_by("uid")
    uids = list(seen.values_list("uid", flat=True).distinct()[:2])
    return uids[0] if len(uids) == 1 else ""


def take(page: Page, to: Target, tally: ImportTally) -> None:
    """Stores a page and works it, before the next one is read: what comes in live meanwhile waits
    behind one page at most. Taken again it changes nothing."""
    ids = list(_identified(page, tally))
    settled = _settled(to, [source_id for source_id, _ in ids])
    stored: dict[UUID, str] = {}
    for source_id, told in ids:
        if source_id in settled:
            tally.counts[settled[source_id]] += 1
            continue
        _store(source_id, told, to, tally, stored)
    _work(stored, tally)
    tally.done = max((told.done for _, told in ids), default=tally.done)


def _identified(page: Page, tally: ImportTally) -> Iterator[tuple[str, HistoryItem]]:
    for found in page:
        if isinstance(found, Trouble):
            tally.trouble(found.where, found.why)
            continue
        try:
            source_id = orjson.loads(found.body).get("id")
        except orjson.JSONDecodeError as error:
            tally.trouble(found.where, f"not valid JSON: {error.msg}")
            continue
        if isinstance(source_id, str | int) and str(source_id):
            yield str(source_id), found
        else:
            tally.trouble(found.where, "no `id`: this is no conversation")


def _settled(to: Target, source_ids: list[str]) -> dict[str, str]:
    """Those that the person has, or has deleted: neither is told again. What the webhook told is
    more than what Omi's API tells."""
    named = {
        "owner_id": to.endpoint.owner_id,
        "kind": MemoryKind.CONVERSATION,
        "source_id__in": source_ids,
    }
    here = Memory.objects.filter(**named).values_list("source_id", flat=True)
    gone = Tombstone.objects.filter(**named).values_list("source_id", flat=True)
    return dict.fromkeys(map(str, gone), DELETED) | dict.fromkeys(map(str, here), KNOWN)


def _store(
    source_id: str, told: HistoryItem, to: Target, tally: ImportTally, stored: dict[UUID, str]
) -> None:
    try:
        kept = store_own(
            to.endpoint,
            told.body,
            key=f"conversation:{source_id}",
            provider=OMI,
            query={"uid": to.uid} if to.uid else {},
            events=(MEMORY, COMBINED),
        )
    except Refused as refused:
        tally.trouble(told.where, refused.detail)
        return
    if kept.fresh:
        stored[kept.id] = told.where
    else:
        tally.counts[KNOWN] += 1


def _work(stored: dict[UUID, str], tally: ImportTally) -> None:
    """What no worker has taken is worked here, also what an interrupted run has left."""
    lanes.wake("inbox")
    draining.drain("inbox")
    rows = Delivery.objects.filter(pk__in=stored).values_list("pk", "state", "last_error")
    for pk, state, error in rows:
        if state == State.DEAD:
            tally.trouble(stored[pk], f"{error} (delivery {pk})")
        else:
            tally.counts[IMPORTED if state == State.DONE else WAITING] += 1
