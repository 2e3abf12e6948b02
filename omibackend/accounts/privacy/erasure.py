"""Erasing a person, so that no replay, late job or restored backup brings them back.

The account is switched off at once. A job then removes everything: it may die anywhere and
continues. What stays is an HMAC per account and uid, which names nobody.
"""

import time
from collections.abc import Iterable
from datetime import timedelta

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models.functions import Now

from omibackend.accounts.models import Erased, Erasure, User
from omibackend.accounts.sign_in import sign_out_all
from omibackend.core import files, manifest
from omibackend.core.errors import OmiError
from omibackend.core.personal_data import AT_ONCE, Table
from omibackend.core.postgres.crypto import keyed_hash, keyed_hashes
from omibackend.core.work import leased
from omibackend.core.work.leased import State

# Until then every process has forgotten the endpoints that it remembered as valid.
BEGINS_AFTER = timedelta(seconds=5)
# Beside the media, so that it outlives the restore of a database. No bucket has such a name.
LEDGER = "_erased"


def begin(user: User) -> Erasure:
    """Nothing of the account works from now on; the rest follows in the background."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_active=False)
        sign_out_all(user)
        erasure, created = Erasure.objects.get_or_create(
            account=keyed_hash("account", _named(user)), defaults={"user_id": user.pk}
        )
        mine = Erasure.objects.filter(pk=erasure.pk)
        if not created:  # erased before, and brought back by a backup
            leased.replay(mine)
        mine.filter(state=State.PENDING).update(passes=0, next_attempt_at=Now() + BEGINS_AFTER)
    return erasure


def _named(user: User) -> str:
    """An account's number can be given again after a restore; with its birthday it cannot."""
    return f"{user.pk}:{user.date_joined.isoformat()}"


def remember(user_id: int) -> None:
    """Writes down who is erased, before there is nothing left to know it from."""
    uids = {uid for data in manifest.personal_data() for uid in data.uids(user_id)}
    digests = [keyed_hash("uid", uid) for uid in uids]
    digests += [keyed_hash("account", _named(user)) for user in User.objects.filter(pk=user_id)]
    Erased.objects.bulk_create(map(Erased, digests), ignore_conflicts=True)
    for digest in digests:
        if not default_storage.exists(f"{LEDGER}/{digest}"):
            default_storage.save(f"{LEDGER}/{digest}", ContentFile(b""))


def erase(user_id: int, counts: dict[str, int], *, until: float) -> bool:
    """Removes files, Redis keys and rows, and counts these; False if the time was up before.

    Raises what kept an app from removing what is not in tables, once the others are empty. Its own
    rows stay, by which it will find the rest again, and so does the account that they belong to.
    """
    # From the top down; the account itself is the last table of the lowest app.
    every = list(reversed(manifest.personal_data()))
    kept: dict[str, OmiError] = {}
    for data in every:
        try:
            data.forget(user_id)
        except OmiError as error:
            kept[data.app] = error
    for data in every[:-1] if kept else every:
        for table in () if data.app in kept else data.tables:
            if not _empty(table, user_id, counts, until=until):
                return False
    for reason in kept.values():
        raise reason
    return True


def _empty(table: Table, user_id: int, counts: dict[str, int], *, until: float) -> bool:
    while ids := list(table.rows(user_id).order_by().values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            table.of(ids).delete()
            _forget_log(table.rows(user_id).model, ids)
        counts[table.name] = counts.get(table.name, 0) + len(ids)
        if time.monotonic() > until:
            return False
    return True


def _forget_log(model: type, ids: Iterable[object]) -> None:
    """The admin's log keeps the names of what is gone."""
    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids]).delete()


def is_erased_uid(uid: str) -> bool:
    """Whether the person with this uid was erased: nothing of theirs may be taken in again,
    until they link the uid to a new account."""
    return Erased.objects.filter(digest__in=keyed_hashes("uid", uid)).exists()


def reapply() -> int:
    """Erases again whom a restored backup brought back; how many."""
    ledger = {name.rpartition("/")[2] for name in files.below(LEDGER)}
    Erased.objects.bulk_create(map(Erased, ledger), ignore_conflicts=True)
    known = set(Erased.objects.values_list("digest", flat=True))
    if not known:
        return 0
    everybody = User.objects.only("pk", "date_joined")
    back = [user for user in everybody if known & set(keyed_hashes("account", _named(user)))]
    for user in back:
        begin(user)
    return len(back)
