"""Which Omi uid is whose, proven by six digits.

They are pushed to the phone that belongs to the uid and typed in, or shown and spoken into the
wearable. Only Omi itself can vouch for a uid: the owner of an ordinary endpoint can post any uid
that he likes, so words prove a uid only if they came in through a shared endpoint.
"""

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare, salted_hmac

from omibackend.core.errors import Refused
from webhooks.models import LinkCode, LinkTries, OmiLink

Purpose = LinkCode.Purpose

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
# For one uid, whoever tries: six digits are few.
MOST_PUSHES, PUSHES_WITHIN = 5, timedelta(hours=1)
MOST_GUESSES, GUESSES_WITHIN = 20, timedelta(days=1)
MOST_SPOKEN, SPOKEN_WITHIN = 5, CODE_LIFE
TRIES_KEPT = timedelta(days=2)
FREE_CODE_WITHIN = 20

_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGITS = {word: str(digit) for digit, word in enumerate(_SPOKEN)} | {"oh": "0", "o": "0"}
_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
_FILLERS = frozenset({"code", "is", "the", "my", "number", "with", "it", "s"})
_VERIFY = frozenset({"verify", "verified", "verifies"})


def spoken_code(text: str) -> str | None:
    """The six digits after "verify", however they were transcribed: "123456", "1 2 3 4 5 6",
    "12-34-56", "one two three four five six"."""
    words = _WORD.findall(text.casefold())
    for place, word in enumerate(words):
        if word in _VERIFY and len(code := _digits_after(words[place + 1 :])) == 6:
            return code
    return None


def _digits_after(words: Iterable[str]) -> str:
    code = ""
    for word in words:
        if word.isdigit() or word in _DIGITS:
            code += _DIGITS.get(word, word)
        elif code or word not in _FILLERS:
            break
    return code


def start(*, user_id: int, uid: str = "") -> tuple[str, datetime]:
    """A new code and when it ends. With a uid it is for that person's phone; a code of the same
    kind from before is void."""
    LinkTries.objects.filter(since__lt=Now() - TRIES_KEPT).delete()
    LinkCode.objects.filter(expires_at__lt=Now()).delete()
    if uid and not _may(f"push:{uid}", MOST_PUSHES, PUSHES_WITHIN):
        raise Refused(429, "throttled", "Too many codes went to this phone. Wait an hour.")
    purpose = Purpose.PUSHED if uid else Purpose.SPOKEN
    for _ in range(FREE_CODE_WITHIN):
        code = f"{secrets.randbelow(1_000_000):06}"
        try:
            return code, _stored(user_id, purpose, uid, code)
        except IntegrityError:  # another person is to speak the same digits
            continue
    raise Refused(503, "unavailable", "No code is free. Try again in a minute.")


def _stored(user_id: int, purpose: Purpose, uid: str, code: str) -> datetime:
    row = LinkCode(
        user_id=user_id,
        purpose=purpose,
        uid=uid,
        code_hash=_hashed(purpose, code),
        expires_at=Now() + CODE_LIFE,
    )
    with transaction.atomic():
        LinkCode.objects.bulk_create(
            [row],
            update_conflicts=True,
            unique_fields=["user", "purpose"],
            update_fields=["uid", "code_hash", "expires_at", "tries"],
        )
    return LinkCode.objects.get(user_id=user_id, purpose=purpose).expires_at


def confirm_pushed(*, user_id: int, code: str) -> OmiLink:
    """Binds the uid whose phone showed the code. Refused: wrong, expired, or tried too often."""
    wrong = Refused(409, "wrong_code", "Wrong or expired code: start again.", attr="code")
    held = LinkCode.objects.filter(user_id=user_id, purpose=Purpose.PUSHED)
    live = held.filter(expires_at__gt=Now(), tries__lt=CODE_TRIES)
    if not live.update(tries=F("tries") + 1):
        raise wrong
    row = held.first()
    if row is None:
        raise wrong
    if not _may(f"guess:{row.uid}", MOST_GUESSES, GUESSES_WITHIN):
        raise Refused(429, "throttled", "Too many tries for this wearable. Wait a day.")
    if not constant_time_compare(row.code_hash, _hashed(Purpose.PUSHED, code)):
        raise wrong
    row.delete()
    link = _bound(user_id, row.uid)
    if link is None:
        raise Refused(
            409, "linked_elsewhere", "This wearable is linked to another account: unlink it there."
        )
    return link


def confirm_spoken(*, uid: str, code: str) -> bool:
    """Binds the uid to whoever was shown the code. Only for words that Omi itself delivered, to a
    shared endpoint; outside any transaction that may be rolled back, so that tries count."""
    if not _may(f"spoken:{uid}", MOST_SPOKEN, SPOKEN_WITHIN):
        return False
    with transaction.atomic():
        shown = LinkCode.objects.select_for_update().filter(
            purpose=Purpose.SPOKEN,
            code_hash=_hashed(Purpose.SPOKEN, code),
            expires_at__gt=Now(),
        )
        row = shown.first()
        if row is None:
            return False
        row.delete()
        return _bound(row.user_id, uid) is not None


def owners_of(uids: Iterable[str], *, using: str) -> dict[str, int]:
    """Whose they are, of active accounts; a uid that is nobody's is left out."""
    linked = OmiLink.objects.using(using).filter(uid__in=uids, user__is_active=True)
    return dict(linked.values_list("uid", "user_id"))


def unlink(user_id: int) -> int:
    """What comes for the person's wearables from now on is nobody's; what came stays."""
    LinkCode.objects.filter(user_id=user_id).delete()
    gone, _ = OmiLink.objects.filter(user_id=user_id).delete()
    return gone


def _bound(user_id: int, uid: str) -> OmiLink | None:
    """The link; None if the uid is another person's."""
    link, _ = OmiLink.objects.get_or_create(uid=uid, defaults={"user_id": user_id})
    return link if link.user_id == user_id else None


def _hashed(what: str, value: str) -> str:
    return salted_hmac("omibackend.links", f"{what}:{value}", algorithm="sha256").hexdigest()


_COUNT = """
INSERT INTO webhooks_linktries AS t (key, tries, since)
VALUES (%(key)s, 1, statement_timestamp())
ON CONFLICT (key) DO UPDATE SET
    tries = CASE WHEN t.since < statement_timestamp() - %(within)s THEN 1 ELSE t.tries + 1 END,
    since = CASE WHEN t.since < statement_timestamp() - %(within)s
        THEN statement_timestamp() ELSE t.since END
WHERE t.tries < %(most)s OR t.since < statement_timestamp() - %(within)s
RETURNING tries
"""


def _may(what: str, most: int, within: timedelta) -> bool:
    """Counts one more try, unless there were `most` of them in that time."""
    values: dict[str, Any] = {"key": _hashed("tries", what), "most": most, "within": within}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        return cursor.fetchone() is not None
