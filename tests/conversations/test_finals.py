from collections.abc import Sequence
from typing import Any

import pytest

from conversations.models import OmiSession, Question, TranscriptSegment
from conversations.segments import Segment
from conversations.transcripts.finalise import Final, replace_transcript
from omibackend.accounts.models import User
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change, Effect
from tests.conversations.speech import (
    UID,
    add_batches,
    at,
    batch,
    person,
    said,
    transcript,
    transcripts,
)

LIVE = ["So I think the deposit is due on Friday.", "Hey Omi, what did Sarah say?"]
JOINED = "So I think the deposit is due on Friday. Hey Omi, what did Sarah say?"


@pytest.fixture
def ann(db: None) -> User:
    return person()


def hear_live(owner: User, *, begins_s: float = 0, texts: Sequence[str] = LIVE) -> None:
    for number, text in enumerate(texts):
        start_s = number * 5.0
        add_batches(
            [batch(owner, said(text, start_s, start_s + 4), heard_s=begins_s + start_s + 5)]
        )


def final(owner: User, *segments: Segment, conversation: str = "c1", **more: Any) -> list[Effect]:
    given = {"title": "Deposit", "started_at": None, "finished_at": None} | more
    return replace_transcript(
        Final(
            owner_id=owner.pk,
            uid=UID,
            conversation_id=conversation,
            language="en",
            segments=segments,
            delivery_id=uuid7(),
            **given,
        )
    )


def test_it_replaces_the_live_words_by_the_final_ones(ann: User) -> None:
    hear_live(ann)
    (entry,) = final(ann, said(JOINED, 0, 9), said("Tuesday.", 9))
    session = OmiSession.objects.get()
    assert entry == Effect.on("session", session.pk, Change.UPDATED)
    assert transcript(session) == [JOINED, "Tuesday."]
    assert (session.title, session.segment_count, session.max_end_s) == ("Deposit", 2, 10)
    assert session.is_final
    assert not TranscriptSegment.objects.filter(final=False).exists()


def test_it_makes_a_final_session_where_nothing_was_heard_live(ann: User) -> None:
    (entry,) = final(ann, said("Hello there", 0), started_at=at(0), finished_at=at(5))
    assert entry.change == "created"
    assert OmiSession.objects.get().started_at == at(0)


def test_it_finds_the_live_session_by_a_shared_segment(ann: User) -> None:
    add_batches([batch(ann, said("misheard", 0, key="k1"))])
    final(ann, said("This heart", 0, key="k1"))
    assert transcripts() == [["This heart"]]


def test_it_finds_the_live_session_by_the_wall_clock(ann: User) -> None:
    hear_live(ann, texts=["utterly", "garbled"])
    final(ann, said(JOINED, 0), started_at=at(-20), finished_at=at(40))
    assert transcripts() == [[JOINED]]


def test_it_leaves_the_live_words_of_the_next_conversation_alone(ann: User) -> None:
    hear_live(ann)
    hear_live(ann, begins_s=100, texts=["Where did I put", "my keys this morning"])
    final(ann, said(JOINED, 0, 9), started_at=at(0), finished_at=at(50))
    assert transcripts() == [[JOINED], ["Where did I put", "my keys this morning"]]


def test_it_parts_live_words_that_belong_to_the_next_conversation(ann: User) -> None:
    hear_live(ann)
    hear_live(ann, begins_s=20, texts=["Where did I put my keys"])
    assert OmiSession.objects.count() == 1
    final(ann, said(JOINED, 0, 9), started_at=at(0), finished_at=at(12))
    assert transcripts() == [[JOINED], ["Where did I put my keys"]]
    following = OmiSession.objects.get(finalised_at=None)
    assert (following.segment_count, following.max_end_s) == (1, 4)


def test_it_gathers_all_live_sessions_of_one_conversation(ann: User) -> None:
    hear_live(ann)
    add_batches([batch(ann, said("The caterer wants a quote", 400), heard_s=402)])
    assert OmiSession.objects.count() == 2
    final(ann, said(JOINED, 0, 9), said("The caterer wants a quote.", 400))
    assert transcripts() == [[JOINED, "The caterer wants a quote."]]


def test_it_takes_a_resend_as_the_same_conversation(ann: User) -> None:
    first, again = said(JOINED, 0, key="a"), said("Bye.", 9, key="b")
    final(ann, first, again)
    assert final(ann, first, again)[0].change == "unchanged"
    assert final(ann, first, title="Renamed")[0].change == "updated"
    assert transcripts() == [[JOINED]]
    assert OmiSession.objects.get().title == "Renamed"


def test_it_keeps_the_live_words_when_the_final_transcript_is_empty(ann: User) -> None:
    hear_live(ann)
    final(ann, started_at=at(0), finished_at=at(20))
    assert transcripts() == [LIVE]
    assert OmiSession.objects.get().is_final
    assert final(ann, conversation="c2") == []


def test_it_keeps_what_was_asked_when_the_live_words_go(ann: User) -> None:
    hear_live(ann)
    question = Question.objects.create(
        owner=ann,
        uid=UID,
        session=OmiSession.objects.get(),
        trigger_key="k",
        quote=LIVE[1],
        start_s=5,
        asked_at=at(5),
        closes_at=at(10),
        delivery_id=uuid7(),
    )
    final(ann, said(JOINED, 0, 9))
    question.refresh_from_db()
    assert (question.session, question.quote) == (OmiSession.objects.get(), LIVE[1])


def test_it_drops_live_words_that_come_after_their_final_ones(ann: User) -> None:
    final(ann, said(JOINED, 0, 9))
    OmiSession.objects.update(finalised_at=at(10))
    late = batch(ann, said(LIVE[0], 0, 4), heard_s=15)
    assert add_batches([late])[late.delivery_id][0].change == "already_final"
    assert transcripts() == [[JOINED]]


def test_it_never_drops_the_live_words_of_the_next_conversation(ann: User) -> None:
    final(ann, said(JOINED, 0, 9))
    OmiSession.objects.update(finalised_at=at(10))
    for text, heard_s in (("Quite another thing", 8), (LIVE[1], 300)):
        late = batch(ann, said(text, 3, 6), heard_s=heard_s)
        assert add_batches([late])[late.delivery_id][0].change == "created"


def test_it_ends_alike_whichever_comes_first(ann: User) -> None:
    live = batch(ann, said(LIVE[1], 5, 9, key="x"), heard_s=10)
    words = said(JOINED, 0, 9)
    final(ann, words)
    OmiSession.objects.update(finalised_at=at(20))
    add_batches([live])
    final(ann, words)
    assert transcripts() == [[JOINED]]


def test_it_keeps_two_wordless_lines_of_the_same_words(ann: User) -> None:
    yes = Segment.of(source_id=None, text="Yes.", speaker="", start_s=None)
    final(ann, yes, yes)
    assert transcripts() == [["Yes.", "Yes."]]
