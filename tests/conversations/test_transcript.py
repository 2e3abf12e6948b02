"""A session as its page shows it, as data."""

from typing import Any

import pytest
from django.test import Client

from conversations.models import OmiSession, Question
from conversations.pages.transcript import (
    AnsweredQuestion,
    Silence,
    SpokenRow,
    facts_of,
    transcript_of,
)
from conversations.segments import Segment
from conversations.transcripts.finalise import Final, replace_transcript
from memories.models import ActionItem, Memory
from omibackend.accounts.models import User
from omibackend.core.postgres.ids import uuid7
from tests.conversations.speech import UID, add_batches, at, batch, person, said

ASKED = said("So. Hey Omi, what did Sarah say?", 10, 13, key="q")
WORDS = (
    said("The deposit is due.", 1, 3, key="a"),
    ASKED,
    said("Tuesday.", 14, 15, key="b", is_user=False, speaker="SPEAKER_01", speaker_name="Sarah"),
    said("Well.", 50, 51, key="c", is_user=False, speaker="SPEAKER_02", speaker_id=2),
)


@pytest.fixture
def ann(db: None) -> User:
    return person()


@pytest.fixture
def session(ann: User) -> OmiSession:
    add_batches([batch(ann, segment, heard_s=20 + n) for n, segment in enumerate(WORDS)])
    return OmiSession.objects.get()


def ask(session: OmiSession, **more: Any) -> Question:
    values: dict[str, Any] = {
        "trigger_key": "q:12",
        "text": "what did Sarah say?",
        "segment_keys": ["q"],
        "start_s": 10,
        "end_s": 13,
        "channel": "inline",
        "answer": "Sarah said Tuesday.",
        "took_ms": 840,
        "sources": [{"type": "memory", "id": "1", "quote": "x"}, {"type": "segment", "id": "a"}],
    } | more
    return Question.objects.create(
        owner=session.owner,
        uid=UID,
        session=session,
        asked_at=at(15),
        closes_at=at(20),
        closed=True,
        delivery_id=uuid7(),
        **values,
    )


def test_it_shows_who_said_what_and_the_silences(session: OmiSession) -> None:
    rows = transcript_of(session)
    assert [row.kind for row in rows] == ["said", "said", "said", "silence", "said"]
    assert [row.speaker for row in rows if isinstance(row, SpokenRow)] == [
        "You",
        "You",
        "Sarah",
        "Speaker 2",
    ]
    assert rows[3] == Silence(35.0)


def test_it_shows_the_answer_below_the_question(session: OmiSession) -> None:
    question = ask(session)
    rows = transcript_of(session)
    asked = rows[1]
    assert isinstance(asked, SpokenRow)
    assert (asked.before_call, asked.called) == ("So. ", "Hey Omi")
    assert asked.after_call == ", what did Sarah say?"
    assert rows[2] == AnsweredQuestion(question, memories_used=1)


def test_it_marks_the_half_of_a_call_that_stands_in_its_segment(ann: User) -> None:
    halves = (said("Well, hey", 1, 2, key="h"), said("Omi, what did she say?", 2.5, 4, key="o"))
    add_batches([batch(ann, *halves)])
    ask(OmiSession.objects.get(), trigger_key="o:3", segment_keys=["o"], start_s=2.5, end_s=4)
    row = transcript_of(OmiSession.objects.get())[1]
    assert isinstance(row, SpokenRow)
    assert row.call == (0, 3)


def test_it_finds_the_place_of_a_question_in_the_final_words(session: OmiSession) -> None:
    question = ask(session)
    joined = Segment("new", "The deposit is due. So. Hey Omi, what did Sarah say?", start_s=1)
    replace_transcript(
        Final(
            owner_id=session.owner_id,
            uid=UID,
            conversation_id="c1",
            title="",
            language="",
            started_at=None,
            finished_at=None,
            segments=(joined, said("Tuesday.", 14)),
            delivery_id=uuid7(),
        )
    )
    rows = transcript_of(OmiSession.objects.get())
    assert isinstance(rows[0], SpokenRow)
    assert rows[0].called == "Hey Omi"
    assert rows[1] == AnsweredQuestion(question, memories_used=1)


def test_it_shows_a_question_that_has_no_place_at_the_end(session: OmiSession) -> None:
    ask(session, segment_keys=["gone"], start_s=None, end_s=None)
    assert isinstance(transcript_of(session)[-1], AnsweredQuestion)


def test_it_reads_a_session_in_few_statements(
    session: OmiSession, django_assert_num_queries: Any
) -> None:
    ask(session)
    with django_assert_num_queries(2):
        transcript_of(session)


def test_it_tells_the_facts(session: OmiSession) -> None:
    OmiSession.objects.update(omi_conversation_id="c1")
    session.refresh_from_db()
    memory = Memory.objects.create(
        owner=session.owner,
        kind="conversation",
        source="omi",
        source_id="c1",
        occurred_at=at(0),
        content_hash="1",
    )
    item = ActionItem.objects.create(memory=memory, owner=session.owner, description="Pay")
    facts = facts_of(session)
    assert (facts.person, facts.length_s, facts.deliveries) == (session.owner, 50, 4)
    assert facts.speakers == ["You", "Sarah", "Speaker 2"]
    assert facts.listen_mode == "after “Hey Omi”"
    assert (facts.memories, facts.action_items) == ([memory], [item])


@pytest.mark.parametrize("model", ["omisession", "question", "notification", "conversation"])
def test_it_lists_in_the_admin(
    staff: User, session: OmiSession, client: Client, model: str
) -> None:
    ask(session)
    client.force_login(staff)
    assert client.get(f"/admin/conversations/{model}/").status_code == 200


def test_it_lets_nobody_write_in_the_admin(
    staff: User, session: OmiSession, client: Client
) -> None:
    client.force_login(staff)
    page = f"/admin/conversations/omisession/{session.pk}/change/"
    assert client.get(page).status_code == 200
    assert client.post(page, {"title": "x"}).status_code == 403
