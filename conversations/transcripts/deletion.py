"""Conversations that their person deleted, and how they stay deleted.

Segments and finished conversations may come again: sent twice, replayed, imported. What is kept
of deleted ones are hashes that name them, and no words.
"""

from collections.abc import Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b

from django.db import DEFAULT_DB_ALIAS, transaction

from conversations.models import (
    Conversation,
    DeletedSession,
    DeletedWords,
    Listening,
    Message,
    OmiSession,
    Question,
)
from conversations.segments import Batch, Segment, hashed
from conversations.transcripts import session_sql
from conversations.transcripts.finalise import CLOCKS_DIFFER
from memories.models import Memory, MemoryKind
from memories.saving.writing import forget, lock_owner, made_of
from omibackend.accounts.models import Preferences
from omibackend.core.errors import Refused

# From here on an id is taken to be unique in the world, as a UUID; "7" comes again with the next
# conversation.
SHORTEST_UNIQUE_CHARS = 20
# A live conversation that began this much nearer to a final one is what that was heard as.
NEARER = timedelta(seconds=5)
# What is asked in a session is asked while it is heard, give or take a backlog.
ASKED_AROUND = timedelta(hours=1)


def delete(conversation: Conversation) -> None:
    """Deletes for good: transcript, questions, messages, notifications, and the memory that was
    made of it. What the person asked to be noted meanwhile stays."""
    if conversation.owner_id is None:
        raise Refused(403, "kept_by_client", "It is kept where the client's agent wrote it.")
    with transaction.atomic():
        lock_owner([conversation.owner_id])
        Preferences.objects.filter(
            user_id=conversation.owner_id, default_conversation=conversation.pk
        ).update(default_conversation=None)
        session = conversation.session
        if session is None:
            chats = Conversation.objects.select_for_update().filter(pk=conversation.pk)
            Message.objects.filter(conversation__in=[chat.pk for chat in chats]).delete()
            chats.delete()
        else:
            session_sql.lock([(session.owner_id, session.uid)])
            _delete_heard(session)


def _delete_heard(session: OmiSession) -> None:
    # The lock may have been waited for: what is deleted is what is there now.
    heard = OmiSession.objects.filter(pk=session.pk).first()
    if heard is None:
        return
    keys = {*heard.segments.values_list("key", flat=True), *heard.replaced_keys}
    asked = _asked_in(heard, keys)
    keys.update(key for question in asked for key in question.segment_keys)
    _add_tombstones(heard, keys)
    Listening.objects.filter(owner_id=heard.owner_id, uid=heard.uid).update(
        tail_text="", tail_voice="", tail_end_s=None, last_question="", last_question_at=None
    )
    Question.objects.filter(pk__in=[question.pk for question in asked]).delete()
    forget(made_of([heard.owner_id], [heard.pk]))
    if heard.omi_conversation_id:
        told = Memory.objects.filter(owner_id=heard.owner_id, kind=MemoryKind.CONVERSATION)
        forget(told.filter(source_id=heard.omi_conversation_id))
    heard.delete()


def _asked_in(session: OmiSession, keys: AbstractSet[str]) -> list[Question]:
    """Also what was asked with its words and never came to be linked to it."""
    asked = list(Question.objects.filter(session=session))
    since = session.first_received_at - ASKED_AROUND
    loose = Question.objects.filter(
        owner_id=session.owner_id,
        uid=session.uid,
        session=None,
        asked_at__range=(since, session.last_received_at + ASKED_AROUND),
    )
    return asked + [question for question in loose if not keys.isdisjoint(question.segment_keys)]


def _add_tombstones(session: OmiSession, keys: Iterable[str]) -> None:
    digests = [_digest("segment", session.uid, key) for key in keys]
    if session.omi_conversation_id:
        digests.append(_digest("conversation", session.omi_conversation_id))
    else:
        DeletedSession.objects.create(
            owner_id=session.owner_id,
            uid_digest=_digest("uid", session.uid),
            started_at=session.started_at,
            ended_at=session.last_received_at,
        )
    DeletedWords.objects.bulk_create(
        [DeletedWords(owner_id=session.owner_id, digest=digest) for digest in digests],
        ignore_conflicts=True,
        batch_size=5000,
    )


def _digest(*parts: str) -> bytes:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()


def left_of(batches: Sequence[Batch], *, using: str = DEFAULT_DB_ALIAS) -> list[Batch]:
    """The batches without the segments that were deleted before. The caller holds the lock of
    their wearables, or does not mind a deletion that is under way."""
    wanted = {
        (batch.owner_id, _digest("segment", batch.uid, segment.key))
        for batch in batches
        for segment in batch.segments
    }
    found = DeletedWords.objects.using(using).filter(
        owner_id__in={owner_id for owner_id, _ in wanted},
        digest__in=[digest for _, digest in wanted],
    )
    deleted = {(row.owner_id, bytes(row.digest)): row.deleted_at for row in found}
    if not deleted:
        return list(batches)
    return [
        replace(batch, segments=tuple(s for s in batch.segments if not _is_gone(s, batch, deleted)))
        for batch in batches
    ]


def _is_gone(segment: Segment, batch: Batch, deleted: dict[tuple[int, bytes], datetime]) -> bool:
    deleted_at = deleted.get((batch.owner_id, _digest("segment", batch.uid, segment.key)))
    if deleted_at is None or _is_unique(segment):
        return deleted_at is not None
    # "Hello" at the very beginning may also be said in the conversation after it.
    began_at = batch.received_at - timedelta(seconds=max(segment.end_s or 0.0, 0.0))
    return began_at <= deleted_at


def _is_unique(segment: Segment) -> bool:
    """Whether no other words can have this key: not if it was made of what was said."""
    made = hashed(segment.start_s, segment.speaker, segment.text)
    return len(segment.key) >= SHORTEST_UNIQUE_CHARS and segment.key != made


def was_deleted(
    *,
    owner_id: int,
    uid: str,
    conversation_id: str,
    started_at: datetime | None,
    segments: Collection[Segment],
) -> bool:
    """Whether a finished conversation was deleted before, also while it was still being heard.

    In the caller's transaction, which holds the owner's turn from here on (see `delete`).
    """
    lock_owner([owner_id])
    mine = DeletedWords.objects.filter(owner_id=owner_id)
    own = _digest("conversation", conversation_id)
    if mine.filter(digest=own).exists():
        return True
    spoken = [_digest("segment", uid, segment.key) for segment in segments if _is_unique(segment)]
    if mine.filter(digest__in=spoken).exists() or _was_heard_then(owner_id, uid, started_at):
        # From now on the id is known: what comes next of it may have no words in common.
        DeletedWords.objects.bulk_create(
            [DeletedWords(owner_id=owner_id, digest=own)], ignore_conflicts=True
        )
        return True
    return False


def _was_heard_then(owner_id: int, uid: str, started_at: datetime | None) -> bool:
    if started_at is None:
        return False
    then = (started_at - CLOCKS_DIFFER, started_at + CLOCKS_DIFFER)
    deleted = DeletedSession.objects.filter(
        owner_id=owner_id,
        uid_digest=_digest("uid", uid),
        started_at__range=then,
        ended_at__gte=started_at,
    ).values_list("started_at", flat=True)
    apart = min((abs(at - started_at) for at in deleted), default=None)
    if apart is None:
        return False
    live = OmiSession.objects.filter(
        owner_id=owner_id, uid=uid, finalised_at=None, started_at__range=then
    ).values_list("started_at", flat=True)
    return not any(abs(at - started_at) + NEARER < apart for at in live)
