"""Omi records the phone that reads our answer aloud, and sends it as speech and as a memory."""

from typing import Any

import pytest

from conversations.models import Listening, Question, TranscriptSegment
from memories.models import Memory
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.effects import Change
from tests.conftest import payload, work
from tests.sender import Sender
from webhooks.models import Delivery

ASKED = payload("omi/realtime_transcript__asked")
MEMORY = payload("omi/memory_created__full")
REAL = "Then I shall transfer the money tonight."


@pytest.fixture
def answer(omi: Sender) -> str:
    """Given in the 200, from a memory that is known."""
    omi.post(MEMORY)
    work()
    text: str = omi.post(ASKED).json()["message"]
    work()
    return text


def segments(*texts: str) -> list[dict[str, Any]]:
    return [
        {"id": str(uuid7()), "text": text, "speaker": "SPEAKER_01", "is_user": False}
        | {"start": 100.0 + 5 * n, "end": 104.0 + 5 * n}
        for n, text in enumerate(texts)
    ]


def created(omi: Sender, *texts: str, overview: str = "You heard of a venue.") -> list[str]:
    """Sends a memory made of this; returns what became of it."""
    body = {"id": str(uuid7()), "structured": {"title": "Venue", "overview": overview}}
    omi.post({**body, "transcript_segments": segments(*texts)})
    work("inbox")
    newest = Delivery.objects.latest("received_at")
    return [row.change for row in newest.effects if row.kind == "memory"]


def test_it_makes_no_memory_of_its_own_words(omi: Sender, answer: str) -> None:
    assert created(omi, answer) == [Change.PLAYBACK]
    assert Memory.objects.get().source_id == MEMORY["id"]
    assert TranscriptSegment.objects.get(text=answer).is_echo is True


def test_it_makes_a_memory_of_what_else_was_said(omi: Sender, answer: str) -> None:
    assert created(omi, answer, REAL, overview=answer) == ["created"]
    flags = dict(TranscriptSegment.objects.values_list("text", "is_echo"))
    assert (flags[answer], flags[REAL]) == (True, False)


def test_it_makes_no_memory_that_repeats_its_words(omi: Sender, answer: str) -> None:
    assert created(omi, overview=answer) == [Change.PLAYBACK]
    asked = Question.objects.get().quote
    assert created(omi, asked, answer, overview=answer) == [Change.PLAYBACK]
    assert Memory.objects.count() == 1


def test_it_reads_the_words_of_a_combined_delivery(omi: Sender, answer: str) -> None:
    structured = {"structured": {"title": "Venue", "overview": answer}}
    omi.post({"segments": segments(answer), **structured})
    omi.post({"segments": segments(REAL), **structured})
    work("inbox")
    assert Memory.objects.exclude(source_id=MEMORY["id"]).get().text == answer


def test_it_keeps_making_a_memory_that_another_person_hears(omi: Sender, answer: str) -> None:
    omi.uid = "another-wearable"
    assert created(omi, answer) == ["created"]


def test_it_flags_its_words_in_live_speech_and_answers_nothing(omi: Sender, answer: str) -> None:
    questions = Question.objects.count()
    assert omi.post({"segments": segments(answer)}).json() == {}
    work("inbox")
    assert TranscriptSegment.objects.get(text=answer).is_echo is True
    assert Question.objects.count() == questions


def test_it_answers_what_is_asked_in_the_same_breath(omi: Sender, answer: str) -> None:
    Listening.objects.update(last_question_at=None)  # it is not too soon for another
    (both,) = segments(f"{answer} Hey Omi, why?")
    assert "message" in omi.post({"segments": [{**both, "is_user": True}]}).json()


def test_it_comes_to_the_same_when_deliveries_are_worked_again(omi: Sender, answer: str) -> None:
    created(omi, answer)
    Delivery.objects.update(state="pending", attempts=0)
    work("inbox")
    assert Memory.objects.get().source_id == MEMORY["id"]
    assert TranscriptSegment.objects.get(text=answer).is_echo is True
