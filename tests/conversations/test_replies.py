"""Answers in time, late answers, and answers that nobody may hear twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from conversations.assistant import bulkhead
from conversations.models import (
    Conversation,
    Listening,
    Message,
    Notification,
    OmiSession,
    Question,
)
from conversations.segments import Batch
from conversations.voice import inline, jobs, omi_api
from conversations.voice.intake import detect_in_request
from memories.models import Memory
from omibackend.accounts.models import Preferences, User
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work import draining, leased, registry
from omibackend.core.work.leased import State
from omibackend.core.work.outbox import SendState
from tests.conversations.phone import Behaving, Phone, answering, breaking_off, hanging, ringing
from tests.conversations.speech import UID, add_batches, detect_in_job, person, said, timeless
from tests.llm.server import failing, saying, serving
from tests.llm.server import hanging as silent

CALL = "Hey Omi, what did Sarah say about the venue?"
ANSWER = "Sarah said that the venue is free on Tuesday."


@pytest.fixture
def ann(transactional_db: None) -> User:
    return person()


@pytest.fixture
def memory(ann: User) -> Memory:
    return Memory.objects.create(
        owner=ann,
        kind="note",
        source="omi",
        title="Sarah on the venue",
        text=ANSWER,
        occurred_at=timezone.now(),
        content_hash="1",
    )


def heard(owner: User, text: str = CALL, *, ago_s: float = 0) -> Batch:
    at: datetime = timezone.now() - timedelta(seconds=ago_s)
    return Batch(owner.pk, UID, None, (said(text, 1),), uuid7(), at)


def asked(owner: User) -> Question:
    """As a request hears it, and the job behind it stores it."""
    batch = heard(owner)
    question = detect_in_request(batch, Preferences())
    assert question is not None
    add_batches([batch])
    detect_in_job([batch])
    return question


def framing() -> str:
    return "[now • Space: default]"


def work() -> None:
    """What the workers would do by the time that all waiting rows are due."""
    for _ in range(3):
        for model in (Question, Notification):
            model.objects.filter(state=State.PENDING).update(next_attempt_at=timezone.now())
        draining.drain("ai")


def test_it_answers_in_time(ann: User, memory: Memory) -> None:
    question = asked(ann)
    spoken = inline.answer_now(question, budget_s=5)
    assert spoken is not None
    assert "Tuesday" in spoken
    question.refresh_from_db()
    assert (question.channel, question.spoken, question.why) == ("inline", spoken, "")
    assert timeless(spoken) == f"{framing()}\n{question.answer}"
    assert question.sources[0] == {
        "type": "memory",
        "id": str(memory.pk),
        "quote": "Sarah on the venue",
        "occurred_at": memory.occurred_at.isoformat(),
    }
    assert inline.spoken_for(question.delivery_id) == spoken
    assert not Message.objects.exists()


def test_it_records_what_was_spoken_and_tells_the_phone_nothing(
    ann: User, memory: Memory, configured: None
) -> None:
    spoken = inline.answer_now(asked(ann), budget_s=5)
    work()
    turns = list(Message.objects.values_list("role", "text"))
    answer = Question.objects.get().answer
    assert turns == [("assistant", answer), ("user", "what did Sarah say about the venue?")]
    assert spoken is not None
    assert spoken.endswith(answer)
    assert Conversation.objects.get().session == OmiSession.objects.get()
    assert not Notification.objects.exists()
    assert Question.objects.get().state == State.DONE


def test_it_uses_no_memories_of_who_wants_none(ann: User, memory: Memory) -> None:
    Preferences.objects.create(user=ann, inject_memories=False)
    spoken = inline.answer_now(asked(ann), budget_s=5)
    assert spoken is not None
    assert "Tuesday" not in spoken


def test_it_answers_from_what_was_said_before(ann: User) -> None:
    before = Batch(ann.pk, UID, None, (said("The venue costs 400", 1),), uuid7(), timezone.now())
    add_batches([before])
    spoken = inline.answer_now(asked(ann), budget_s=5)
    assert spoken is not None
    assert "400" in spoken
    (source,) = Question.objects.get().sources
    assert (source["type"], source["quote"]) == ("segment", "The venue costs 400")


def test_it_leaves_a_slow_answer_to_the_job(ann: User, settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    with serving(silent) as server:
        settings.OPENAI_BASE_URL = server.url
        question = asked(ann)
        assert inline.answer_now(question, budget_s=0.2) is None
    question.refresh_from_db()
    assert (question.state, question.why) == (State.PENDING, "not ready in time")
    assert question.lease_token is None


@pytest.mark.parametrize("budget_s", [0, 5])
def test_it_answers_later_when_every_slot_is_taken(ann: User, budget_s: float) -> None:
    taken = []
    if budget_s:
        while bulkhead.everyone().acquire(blocking=False):
            taken.append(1)
    try:
        assert inline.answer_now(asked(ann), budget_s=budget_s) is None
    finally:
        for _ in taken:
            bulkhead.everyone().release()
    assert Question.objects.get().why == "no slot free"
    assert len(taken) in (0, bulkhead.most())


def test_it_speaks_no_answer_of_a_claim_that_ran_out(ann: User, memory: Memory) -> None:
    question = asked(ann)
    Question.objects.update(lease_token=uuid7())
    assert inline.answer_now(question, budget_s=5) is None
    assert Question.objects.get().answer == ""


def test_it_speaks_what_omi_alone_would_be_too_short_to_push(ann: User, settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    with serving(saying({"answer": "Yes.", "memory_ids": []})) as server:
        settings.OPENAI_BASE_URL = server.url
        assert timeless(inline.answer_now(asked(ann), budget_s=5)) == f"{framing()}\nYes."
    assert Question.objects.get().channel == "inline"


@pytest.fixture
def configured(settings: Settings) -> None:
    settings.OMI_APP_ID, settings.OMI_APP_SECRET = "app-1", "secret-1"


@pytest.fixture
def phone(settings: Settings, configured: None, request: pytest.FixtureRequest) -> Iterator[Phone]:
    behaving: Behaving = getattr(request, "param", answering(200))
    with ringing(behaving) as ringing_phone:
        settings.OMI_API_URL = ringing_phone.url
        yield ringing_phone


def late(owner: User, text: str = CALL, *, ago_s: float = 15) -> Question:
    """A question that only the job behind its delivery heard."""
    batch = heard(owner, text, ago_s=ago_s)
    add_batches([batch])
    detect_in_job([batch])
    return Question.objects.latest("id")


def test_it_sends_a_late_answer_to_the_phone(ann: User, memory: Memory, phone: Phone) -> None:
    late(ann)
    work()
    question = Question.objects.get()
    ((uid, pushed),) = phone.pushed
    assert (uid, timeless(pushed)) == (UID, f"{framing()}\n{question.answer}")
    assert phone.paths == ["/v2/integrations/app-1/notification"]
    assert (phone.keys, phone.lengths) == (["Bearer secret-1"], ["0"])
    assert (question.channel, question.state) == ("notification", State.DONE)
    assert Notification.objects.get().send_state == SendState.SENT
    assert Message.objects.count() == 2
    assert Listening.objects.get().spoken_at is not None
    work()
    assert len(phone.pushed) == 1


def test_it_answers_though_nothing_more_is_said(ann: User, memory: Memory, phone: Phone) -> None:
    assert detect_in_request(heard(ann, "Hey Omi, what about the venue"), Preferences()) is None
    work()
    assert Question.objects.get().closed is False
    Question.objects.update(closes_at=timezone.now() - timedelta(seconds=1))
    work()
    question = Question.objects.get()
    assert (question.closed, question.text) == (True, "what about the venue")
    assert len(phone.pushed) == 1
    assert question.attempts == 1


@pytest.mark.parametrize(
    ("phone", "state", "send_state", "error"),
    [
        (answering(401), State.DEAD, SendState.REFUSED, "OMI_APP_SECRET"),
        (answering(404), State.DEAD, SendState.REFUSED, "OMI_APP_ID"),
        (answering(422), State.DEAD, SendState.REFUSED, "422"),
        (answering(429), State.PENDING, SendState.WAITING, "429"),
        (answering(503), State.PENDING, SendState.WAITING, "503"),
        (breaking_off, State.DONE, SendState.UNKNOWN, ""),
    ],
    indirect=["phone"],
)
def test_it_sends_at_most_once(
    ann: User, memory: Memory, phone: Phone, state: str, send_state: str, error: str
) -> None:
    late(ann)
    draining.drain("ai")
    notification = Notification.objects.get()
    assert (notification.state, notification.send_state) == (state, send_state)
    assert error in notification.last_error
    assert len(phone.pushed) == 1


@pytest.mark.parametrize("phone", [hanging], indirect=True)
def test_it_never_sends_again_what_may_have_arrived(
    ann: User, memory: Memory, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(omi_api, "TIMEOUT_S", 0.2)
    late(ann)
    work()
    assert Notification.objects.get().send_state == SendState.UNKNOWN
    assert len(phone.pushed) == 1


def test_it_never_sends_again_after_a_worker_died_sending(
    ann: User, memory: Memory, phone: Phone
) -> None:
    late(ann)
    draining.work_due(registry.work_types[Question], until=float("inf"))
    Notification.objects.update(
        state=State.LEASED, attempts=1, send_state=SendState.SENDING, lease_token=uuid7()
    )
    Notification.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    work()
    assert Notification.objects.get().send_state == SendState.UNKNOWN
    assert phone.pushed == []


def test_it_tries_again_when_the_phone_cannot_be_reached(
    ann: User, memory: Memory, configured: None, settings: Settings
) -> None:
    settings.OMI_API_URL = "http://127.0.0.1:9"
    late(ann)
    draining.drain("ai")
    with ringing(answering(200)) as phone:
        settings.OMI_API_URL = phone.url
        work()
    assert len(phone.pushed) == 1


def test_it_sends_one_person_one_notification_at_a_time(
    ann: User, memory: Memory, phone: Phone
) -> None:
    late(ann, ago_s=60)
    late(ann, "Hey Omi, where does the caterer live?", ago_s=30)
    draining.drain("ai")
    assert len(phone.pushed) == 1
    waiting = Notification.objects.get(state=State.PENDING)
    assert waiting.next_attempt_at > timezone.now() + timedelta(seconds=20)
    Notification.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now())
    draining.drain("ai")
    assert len(phone.pushed) == 1
    Notification.objects.exclude(pk=waiting.pk).update(
        sent_at=timezone.now() - timedelta(seconds=31)
    )
    work()
    assert len(phone.pushed) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"asked_at": timezone.now() - timedelta(minutes=11)}, "too late"),
        ({"why": "muted"}, "muted"),
        ({"why": "cooldown"}, "cooldown"),
    ],
)
def test_it_keeps_an_answer_that_may_not_be_spoken(
    ann: User, memory: Memory, phone: Phone, change: dict[str, Any], why: str
) -> None:
    late(ann)
    Question.objects.update(**change)
    work()
    question = Question.objects.get()
    assert (question.channel, question.why) == ("kept", why)
    assert Message.objects.count() == 2
    assert phone.pushed == []


def test_it_keeps_an_answer_that_waited_too_long(ann: User, memory: Memory, phone: Phone) -> None:
    late(ann)
    draining.work_due(registry.work_types[Question], until=float("inf"))
    Notification.objects.update(send_before=timezone.now())
    work()
    assert Question.objects.values_list("channel", "why").get() == ("kept", "too late")
    assert Notification.objects.get().send_state == SendState.TOO_LATE
    assert phone.pushed == []


def test_it_keeps_an_answer_without_an_app(ann: User, memory: Memory) -> None:
    late(ann)
    work()
    question = Question.objects.get()
    assert (question.channel, question.why) == ("kept", "no OMI_APP_ID")
    assert "Tuesday" in question.answer


def test_it_asks_the_model_again_after_a_failure(
    ann: User, settings: Settings, configured: None
) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    late(ann)
    with serving(failing(500)) as server:
        settings.OPENAI_BASE_URL = server.url
        draining.drain("ai")
        assert Question.objects.get().state == State.PENDING
        server.answering = saying({"answer": ANSWER, "memory_ids": []})
        with ringing(answering(200)) as phone:
            settings.OMI_API_URL = phone.url
            work()
    ((uid, pushed),) = phone.pushed
    assert (uid, timeless(pushed)) == (UID, f"{framing()}\n{ANSWER}")


def test_it_writes_the_record_once(ann: User, memory: Memory) -> None:
    question = asked(ann)
    inline.answer_now(question, budget_s=5)
    work()
    leased.replay(Question.objects.all())
    work()
    assert Message.objects.count() == 2
    assert Conversation.objects.count() == 1


def test_it_lets_the_request_take_over_from_the_timer(ann: User, memory: Memory) -> None:
    """More is said just as the timer closes the question: the timer's worker writes nothing."""
    assert detect_in_request(heard(ann, "Hey Omi, what did"), Preferences()) is None
    Question.objects.update(next_attempt_at=timezone.now())
    (claimed,) = leased.claim(registry.work_types[Question], limit=1, fresh=True)
    question = detect_in_request(
        Batch(ann.pk, UID, None, (said("Sarah say?", 2.5),), uuid7(), timezone.now()),
        Preferences(),
    )
    with pytest.raises(leased.LostLease):
        jobs.prepare_answer(claimed)
    assert question is None or question.text == "what did Sarah say?"
    assert OmiSession.objects.count() == 0


def test_it_records_an_answer_once_its_words_are_stored(ann: User, memory: Memory) -> None:
    """The inbox is behind: the answer is given before the session is known."""
    batch = heard(ann)
    question = detect_in_request(batch, Preferences())
    assert question is not None
    inline.answer_now(question, budget_s=5)
    work()
    assert not Message.objects.exists()
    with transaction.atomic():
        add_batches([batch])
        detect_in_job([batch])
    assert Message.objects.count() == 2
    assert Conversation.objects.get().messages.count() == 2


def test_it_links_a_question_whose_words_were_stored_very_late(ann: User, memory: Memory) -> None:
    batch = heard(ann)
    assert detect_in_request(batch, Preferences()) is not None
    late_batch = replace(batch, received_at=batch.received_at - timedelta(minutes=11))
    add_batches([late_batch])
    detect_in_job([late_batch])
    assert Question.objects.get().session == OmiSession.objects.get()


def test_a_question_that_goes_on_is_put_back(ann: User) -> None:
    assert detect_in_request(heard(ann, "Hey Omi, what did"), Preferences()) is None
    Question.objects.update(next_attempt_at=timezone.now())
    draining.drain("ai")
    question = Question.objects.get()
    assert (question.state, question.attempts, question.lease_token) == (State.PENDING, 0, None)
    assert question.next_attempt_at == question.closes_at
    assert question.last_error == ""
