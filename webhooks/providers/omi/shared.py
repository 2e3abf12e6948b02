"""Endpoints that many people's wearables post to, as those of an app in Omi's store.

A delivery is of the person that its uid is linked to. Of anybody else nothing is worked: the
delivery is set aside, and of what it says only a spoken code is looked for.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import QuerySet

from omibackend.accounts.privacy.erasure import is_erased_uid
from omibackend.core.errors import SetAside
from omibackend.core.recent import Recent
from omibackend.core.work import lanes, leased
from omibackend.core.work.effects import Effect
from omibackend.core.work.leased import State
from webhooks.inbox.endpoints import strip
from webhooks.inbox.fast_path.statements import INGEST, retried
from webhooks.inbox.provider import NOBODY, Incoming, KnownEndpoint, Parsed
from webhooks.models import Delivery
from webhooks.providers.omi import links
from webhooks.providers.omi.words import raw_segments, uid_of

NOT_LINKED = "The uid is not linked to an account. It is worked once somebody links it."
NO_UID = "A shared endpoint needs the uid that Omi puts into the address."
LINKED = "This Omi is linked to your account now."


class Whose(NamedTuple):
    owner_id: int
    erased: bool


def _look_up(uid: str, *, using: str) -> Whose:
    owner_id = links.owners_of([uid], using=using).get(uid, NOBODY)
    return Whose(owner_id, erased=owner_id == NOBODY and bool(uid) and is_erased_uid(uid))


cache = Recent[str, Whose](lambda uid: retried(lambda _: _look_up(uid, using=INGEST)))


def place(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed
) -> tuple[KnownEndpoint, Parsed]:
    """The endpoint as the person's. What comes for somebody erased is counted and not stored. The
    uid is the address's: a body may say any."""
    uid = uid_of(None, incoming.query)
    whose = cache.find(uid) if uid else Whose(NOBODY, erased=False)
    counted = parsed.counted or whose.erased
    return (
        replace(endpoint, owner_id=whose.owner_id),
        replace(parsed, subject=uid, counted=counted),
    )


def greet(parsed: Parsed) -> str | None:
    """Links the uid if these words are a code that somebody was to speak."""
    if not parsed.subject:
        return None
    said = (part.get("text") for part in raw_segments(parsed.payload) if isinstance(part, dict))
    code = links.spoken_code(" ".join(text for text in said if isinstance(text, str)))
    if code is None or not links.confirm_spoken(uid=parsed.subject, code=code):
        return None
    cache.forget(parsed.subject)
    replay([parsed.subject])
    lanes.waker().mark("inbox")
    return LINKED


def waiting_for(uids: Any) -> QuerySet[Delivery]:
    """What was set aside for these uids, while they were nobody's."""
    return Delivery.objects.filter(
        state=State.DEAD, subject__in=uids, last_error=NOT_LINKED, endpoint__shared=True
    )


def replay(uids: Iterable[str]) -> int:
    """Puts it back to the start; the caller wakes the inbox."""
    return leased.replay(waiting_for(list(uids)))


def owners_of(deliveries: Sequence[Delivery]) -> dict[UUID, int]:
    """Whose data they become; what is not anybody's yet is left out. In the job's transaction."""
    owners = {row.pk: row.person_id or NOBODY for row in deliveries if row.endpoint.shared}
    fresh = [row for row in deliveries if owners.get(row.pk) == NOBODY]
    if fresh:
        owners |= _settled(fresh)
    own = {row.pk: row.endpoint.owner_id for row in deliveries if not row.endpoint.shared}
    return own | {pk: owner_id for pk, owner_id in owners.items() if owner_id != NOBODY}


def _settled(fresh: Sequence[Delivery]) -> dict[UUID, int]:
    """Notes on each delivery whose it is: a replay years later must not make it another's."""
    linked = links.owners_of({row.subject for row in fresh}, using=DEFAULT_DB_ALIAS)
    found = {row.pk: linked.get(row.subject, NOBODY) for row in fresh}
    for owner_id in sorted(set(linked.values())):
        mine = [pk for pk, whose in found.items() if whose == owner_id]
        Delivery.objects.filter(pk__in=mine).update(person_id=owner_id)
    if linked:  # one that was being set aside while its uid was linked
        replay(linked)
    return found


def set_aside(delivery: Delivery) -> list[Effect]:
    """What becomes of a delivery that is nobody's: it waits, or its words are removed at once."""
    if delivery.subject and is_erased_uid(delivery.subject):
        strip(Delivery.objects.filter(pk=delivery.pk))
        return []
    raise SetAside(NOT_LINKED if delivery.subject else NO_UID)
