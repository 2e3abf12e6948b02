"""Omi's payloads, posted as Omi posts them, and what they became."""

import base64
from typing import Any

import pytest
from pytest_django import Settings

from conversations.models import OmiSession, Question, TranscriptSegment
from memories.models import ActionItem, Event, Memory
from memories.saving.writing import edit, forget
from omibackend.core.redis import soft_redis
from omibackend.core.work import leased
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.sender import Sender
from webhooks.models import Delivery

ASKED = payload("omi/realtime_transcript__asked")
MEMORY = payload("omi/memory_created__full")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def texts() -> list[str]:
    return list(TranscriptSegment.objects.order_by("start_s", "pk").values_list("text", flat=True))


def all_done() -> bool:
    return not Delivery.objects.exclude(state=State.DONE).exists()


@pytest.mark.parametrize("name", ["asked", "next_batch", "bare_list", "newest_fields"])
def test_it_makes_a_transcript_of_each_form(omi: Sender, name: str) -> None:
    body = payload(f"omi/realtime_transcript__{name}")
    assert omi.post(body).status_code == 200
    work("inbox")
    said = body if isinstance(body, list) else body["segments"]
    assert all_done()
    assert texts() == [segment["text"] for segment in said]
    assert OmiSession.objects.get().segment_count == len(said)


def test_it_reads_the_speaker_of_the_form_in_the_docs(omi: Sender) -> None:
    omi.post(
        payload("omi/realtime_transcript__bare_list"), query={"session_id": "abc", "uid": "u1"}
    )
    work("inbox")
    assert TranscriptSegment.objects.get().speaker_id == 0
    assert OmiSession.objects.get().sender_session_id == "abc"


def test_it_answers_a_spoken_question_in_the_response(omi: Sender) -> None:
    omi.post(MEMORY)
    work()
    response = omi.post(ASKED)
    assert response.status_code == 200
    assert "Tuesday" in response.json()["message"]
    question = Question.objects.get()
    assert question.channel == "inline"
    assert "what did Sarah say about the venue" in question.text


def test_it_repeats_the_answer_to_a_repeated_delivery_and_asks_once(omi: Sender) -> None:
    omi.post(MEMORY)
    work()
    headers = {"Idempotency-Key": "the-same-attempt"}
    first = omi.post(ASKED, headers=headers).json()["message"]
    again = omi.post(ASKED, headers=headers).json()
    assert again == {"duplicate": True, "message": first}
    assert Question.objects.count() == 1


def test_it_answers_nothing_when_nobody_asked(omi: Sender) -> None:
    assert omi.post(payload("omi/realtime_transcript__next_batch")).json() == {}


def test_it_answers_nothing_when_activation_is_off(omi: Sender, settings: Settings) -> None:
    settings.ENABLE_CONTEXT_ACTIVATION = False
    assert omi.post(ASKED).json() == {}
    work("inbox")
    assert not Question.objects.exists()


def test_it_makes_a_memory_with_its_parts(omi: Sender) -> None:
    response = omi.post(MEMORY)
    work("inbox")
    memory = Memory.objects.get()
    assert (memory.title, memory.category, memory.emoji) == (
        "Wedding Venue Deposit",
        "family",
        "💒",
    )
    assert memory.source_id == MEMORY["id"]
    assert str(memory.delivery_id) == response["X-Delivery-ID"]
    assert "She said Tuesday." in memory.quote
    items = ActionItem.objects.order_by("description").values_list("description", flat=True)
    assert list(items) == ["Ask the caterer for a quote", "Pay the venue deposit"]
    assert Event.objects.get().title == "Venue visit"
    kinds = {row.kind for row in Delivery.objects.get().effects}
    assert kinds == {"memory", "action_item", "event", "session"}


def test_it_replaces_the_live_transcript_by_the_final_one(omi: Sender) -> None:
    omi.post(ASKED)
    work("inbox")
    omi.post(MEMORY)
    work("inbox")
    assert texts() == [segment["text"] for segment in MEMORY["transcript_segments"]]
    session = OmiSession.objects.get()
    assert (session.omi_conversation_id, session.title) == (MEMORY["id"], "Wedding Venue Deposit")


def test_it_brings_a_memory_up_to_date_when_it_is_sent_again(omi: Sender) -> None:
    omi.post(MEMORY)
    omi.post(payload("omi/memory_created__resent"))
    work("inbox")
    memory = Memory.objects.get()
    assert memory.title == "Wedding Venue Deposit and Caterer"
    assert ActionItem.objects.count() == 3
    assert OmiSession.objects.count() == 1


def test_it_makes_no_memory_of_a_discarded_conversation(omi: Sender) -> None:
    omi.post(payload("omi/memory_created__discarded"))
    work("inbox")
    assert all_done()
    assert not Memory.objects.exists()


def test_it_reads_the_stale_names_of_the_docs(omi: Sender) -> None:
    omi.post(payload("omi/memory_created__docs_form"))
    work("inbox")
    memory = Memory.objects.get()
    assert memory.source_id == "0"
    assert memory.details["app_results"] == [
        {"app_id": "app-id", "content": "App response content"}
    ]


def test_it_takes_words_and_structure_together(omi: Sender) -> None:
    omi.post(payload("omi/combined__seed"), query={})
    work("inbox")
    assert texts() == ["Hey Omi, remember this"]
    session = OmiSession.objects.get()
    assert (session.uid, session.sender_session_id) == ("user-456", "session-123")
    assert Memory.objects.get().title == "Important Meeting"
    assert ActionItem.objects.get().description == "Follow up with client"


def test_it_knows_a_memory_without_an_id_by_its_words(omi: Sender) -> None:
    for _ in range(2):
        omi.post(payload("omi/combined__seed"), query={})
    work("inbox")
    assert Memory.objects.count() == 1


def test_it_keeps_the_day_as_a_memory_of_its_own_kind(omi: Sender) -> None:
    omi.post(payload("omi/day_summary__full"))
    work("inbox")
    day = Memory.objects.get()
    assert (day.kind, day.title) == ("day_summary", "Venue settled, caterer open")
    assert day.details["knowledge_nuggets"][0]["text"] == "The venue holds dates for 7 days."
    assert not ActionItem.objects.exists()


def test_it_takes_photos_of_several_megabytes(omi: Sender) -> None:
    large = base64.b64encode(PNG + b"\x00" * 3_000_000).decode()
    photos = [
        {"id": "p1", "base64": large, "description": "The river", "created_at": None},
        {"id": "p2", "base64": "not base64!", "description": "Broken"},
    ]
    assert omi.post({**MEMORY, "photos": photos}).status_code == 200
    work("inbox")
    assert all_done()
    found = {photo.source_id: bool(photo.file) for photo in Memory.objects.get().photos.all()}
    assert found == {"p1": True, "p2": False}


def test_it_cleans_what_postgresql_cannot_store(omi: Sender) -> None:
    omi.post({"segments": [{"id": "a\x00b", "text": "zero \x00 byte", "start": 1, "end": 2}]})
    work("inbox")
    assert all_done()
    assert texts() == ["zero \ufffd byte"]


@pytest.mark.parametrize(
    "segments",
    [[7], ["words"], [{"text": {"a": 1}}], [{"text": 5}], [[]], [None]],
)
def test_it_sets_aside_words_of_a_wrong_type(omi: Sender, segments: list[Any]) -> None:
    assert omi.post({"segments": segments}).status_code == 200
    work("inbox")
    stored = Delivery.objects.get()
    assert stored.state == State.DEAD
    assert stored.last_error
    assert stored.attempts == 1


def test_it_sets_aside_one_and_works_its_neighbours(omi: Sender) -> None:
    for body in ({"segments": [7]}, ASKED, payload("omi/realtime_transcript__next_batch")):
        omi.post(body)
    work("inbox")
    assert Delivery.objects.filter(state=State.DEAD).count() == 1
    assert Delivery.objects.filter(state=State.DONE).count() == 2


def test_it_does_not_double_anything_when_replayed(omi: Sender) -> None:
    omi.post(ASKED)
    omi.post(MEMORY)
    work()
    before = (texts(), Memory.objects.count(), ActionItem.objects.count(), Question.objects.count())
    leased.replay(Delivery.objects.all())
    work()
    assert all_done()
    after = (texts(), Memory.objects.count(), ActionItem.objects.count(), Question.objects.count())
    assert after == before


def test_it_keeps_a_deleted_memory_deleted(omi: Sender) -> None:
    omi.post(MEMORY)
    work("inbox")
    forget(Memory.objects.all())
    omi.post(payload("omi/memory_created__resent"))
    leased.replay(Delivery.objects.all())
    work("inbox")
    assert all_done()
    assert not Memory.objects.exists()


def test_it_leaves_the_owners_words_alone(omi: Sender) -> None:
    omi.post(MEMORY)
    work("inbox")
    edit(Memory.objects.get(), {"title": "Our venue"})
    omi.post(payload("omi/memory_created__resent"))
    work("inbox")
    memory = Memory.objects.get()
    assert memory.title == "Our venue"
    assert memory.sender_version["title"] == "Wedding Venue Deposit and Caterer"


def test_it_wakes_the_lane_that_answers(
    omi: Sender, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    """The request did not come to hear it: the job behind the delivery did."""
    settings.ENABLE_CONTEXT_ACTIVATION = False
    omi.post(ASKED)
    settings.ENABLE_CONTEXT_ACTIVATION = True
    soft_redis.client().delete("wake:ai")
    with django_capture_on_commit_callbacks(execute=True):
        work("inbox")
    assert soft_redis.client().exists("wake:ai")
