"""Listening with its database: the request and the job behind it hear the same words."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from conversations.models import Listening, OmiSession, Question
from conversations.segments import Batch, Segment
from conversations.voice import intake
from conversations.voice.intake import ATTENTION, could_matter, detect_in_request
from omibackend.accounts.models import ListenMode, Preferences, User
from omibackend.accounts.preferences import preferences_of
from omibackend.core.postgres.ids import uuid7
from omibackend.core.work.leased import State
from tests.conversations.speech import UID, add_batches, detect_in_job, person, said

CALL = "Hey Omi, what did Sarah say?"


@pytest.fixture
def ann(transactional_db: None) -> User:
    return person()


def delivery(owner: User, *segments: Segment, ago_s: float = 0) -> Batch:
    heard_at: datetime = timezone.now() - timedelta(seconds=ago_s)
    return Batch(owner.pk, UID, None, segments, uuid7(), heard_at)


def prefer(owner: User, **chosen: Any) -> Preferences:
    return Preferences.objects.create(user=owner, **chosen)


def store(*batches: Batch) -> None:
    """What the job does with deliveries."""
    with transaction.atomic():
        add_batches(batches)
        detect_in_job(batches)


def raw(*texts: Any) -> list[Any]:
    return [{"text": text} for text in texts]


def matters(ann: User, segments: list[Any]) -> bool:
    """As the request asks: the attention comes with the statement that stores the delivery."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {ATTENTION.format(owner='%s', subject='%s')}", [ann.pk, UID])
        attentive = cursor.fetchone()[0]
    preferences = preferences_of(ann.pk)
    return could_matter(ann.pk, UID, segments, preferences, attentive=attentive)


def test_it_claims_what_it_is_to_answer(ann: User) -> None:
    question = detect_in_request(delivery(ann, said(CALL, 1)), Preferences())
    assert question is not None
    stored = Question.objects.get()
    assert (stored.text, stored.state) == ("what did Sarah say?", State.LEASED)
    assert stored.lease_token == question.lease_token
    assert stored.next_attempt_at > timezone.now()


def test_it_asks_once_what_is_heard_twice(ann: User) -> None:
    batch = delivery(ann, said(CALL, 1))
    assert detect_in_request(batch, Preferences()) is not None
    store(batch)
    assert detect_in_request(batch, Preferences()) is None
    assert Question.objects.get().session == OmiSession.objects.get()


def test_it_leaves_the_request_a_head_start(ann: User) -> None:
    batch = delivery(ann, said(CALL, 1))
    store(batch)
    assert Question.objects.get().next_attempt_at > timezone.now() + timedelta(seconds=1)
    assert detect_in_request(batch, Preferences()) is not None


def test_it_hears_later_what_the_request_did_not(ann: User) -> None:
    store(delivery(ann, said(CALL, 1), ago_s=30))
    question = Question.objects.get()
    assert (question.state, question.closed, question.why) == (State.PENDING, True, "")
    assert question.next_attempt_at <= timezone.now()


def test_it_goes_on_with_a_question_in_the_next_delivery(ann: User) -> None:
    assert detect_in_request(delivery(ann, said("Hey Omi, what did", 1)), Preferences()) is None
    assert Question.objects.get().next_attempt_at > timezone.now() + timedelta(seconds=3)
    question = detect_in_request(delivery(ann, said("Sarah say?", 2.5)), Preferences())
    assert question is not None
    assert question.text == "what did Sarah say?"
    assert Listening.objects.get().open_question is None


def test_it_hears_a_call_across_deliveries(ann: User) -> None:
    detect_in_request(delivery(ann, said("Due on Friday. Hey", 1)), Preferences())
    question = detect_in_request(
        delivery(ann, said("Omi, what did Sarah say?", 2.5)), Preferences()
    )
    assert question is not None
    assert question.quote == "Hey Omi, what did Sarah say?"


def test_it_finds_the_first_half_of_a_call_in_what_is_stored(ann: User) -> None:
    store(delivery(ann, said("Due on Friday. Hey", 1)), delivery(ann, said("So", 9)))
    Listening.objects.all().delete()
    store(delivery(ann, said("Omi, what did Sarah say?", 2.5)))
    assert Question.objects.get().text == "what did Sarah say?"


def test_it_hears_later_a_question_in_two_deliveries(ann: User) -> None:
    first = delivery(ann, said("Hey Omi, what did", 1), ago_s=3)
    store(first, delivery(ann, said("Sarah say?", 2.5), ago_s=2))
    assert Question.objects.get().text == "what did Sarah say?"


def test_it_opens_nothing_for_a_replay(ann: User) -> None:
    store(delivery(ann, said(CALL, 1), ago_s=660))
    assert not Question.objects.exists()


def test_it_opens_nothing_in_a_meeting(ann: User) -> None:
    prefer(ann, meeting_transcribe=True)
    assert not matters(ann, raw(CALL))
    store(delivery(ann, said(CALL, 1)))
    assert not Question.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"mute": True}, "muted"),
        ({"quiet_hours_start": "00:00", "quiet_hours_end": "23:59:59"}, "quiet hours"),
    ],
)
def test_it_speaks_to_nobody_who_wants_quiet(ann: User, chosen: dict[str, Any], why: str) -> None:
    prefer(ann, **chosen)
    preferences = Preferences.objects.get()
    assert detect_in_request(delivery(ann, said(CALL, 1)), preferences) is None
    question = Question.objects.get()
    assert (question.why, question.state) == (why, State.PENDING)


def test_it_answers_the_same_question_once(ann: User) -> None:
    for number, text in enumerate((CALL, "hey omi  What did Sarah say", CALL)):
        detect_in_request(
            delivery(ann, said(text, number * 40), ago_s=40 - number * 20), Preferences()
        )
    detect_in_request(delivery(ann, said("ok", 90, is_user=False)), Preferences())
    states = list(Question.objects.order_by("id").values_list("state", "why"))
    assert states[0] == (State.LEASED, "")
    assert states[1:] == [(State.IGNORED, "asked again")] * 2


def test_it_keeps_its_distance_between_answers(ann: User) -> None:
    assert detect_in_request(delivery(ann, said(CALL, 1)), Preferences()) is not None
    assert (
        detect_in_request(delivery(ann, said("Hey Omi, and where is it?", 3)), Preferences())
        is None
    )
    assert Question.objects.order_by("-id")[0].why == "cooldown"


def test_it_drops_a_call_after_which_nothing_is_asked(ann: User) -> None:
    detect_in_request(delivery(ann, said("Hey Omi.", 1)), Preferences())
    detect_in_request(delivery(ann, said("Here.", 2, is_user=False)), Preferences())
    question = Question.objects.get()
    assert (question.state, question.why) == (State.IGNORED, "nothing asked")


def test_it_forgets_a_short_utterance_in_the_mode_that_answers_all(ann: User) -> None:
    preferences = prefer(ann, listen_mode=ListenMode.ALWAYS)
    detect_in_request(delivery(ann, said("Yes.", 1)), preferences)
    detect_in_request(delivery(ann, said("No.", 2, is_user=False)), preferences)
    assert not Question.objects.exists()
    assert (
        detect_in_request(delivery(ann, said("Where is my umbrella?", 9)), preferences) is not None
    )


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (raw("So I think", "the economist is coming home"), False),
        (raw("Hey", "Omi"), True),
        (raw("and then, hey"), True),
        (raw("Omi, what is it?"), True),
        (raw(None, 5), False),
        ([None, "Hey Omi", {"words": "Hey Omi"}], False),
        ([], False),
    ],
)
def test_it_looks_at_words_cheaply_first(ann: User, segments: list[Any], expected: bool) -> None:
    assert matters(ann, segments) is expected


@pytest.mark.parametrize(
    "state",
    [
        lambda ann: detect_in_request(delivery(ann, said("Hey Omi, what", 1)), Preferences()),
        lambda ann: prefer(ann, listen_mode=ListenMode.ALWAYS),
        lambda ann: prefer(ann, activation_regex="computer"),
    ],
)
def test_it_listens_to_any_words_when_they_can_matter(
    ann: User, state: Callable[[User], object]
) -> None:
    assert not matters(ann, raw("So I think"))
    state(ann)
    assert matters(ann, raw("So I think"))


def test_it_asks_nothing_of_the_database_for_ordinary_words(
    ann: User, django_assert_num_queries: Any
) -> None:
    words, preferences = raw("So I think the deposit is due"), Preferences()
    with django_assert_num_queries(0):
        assert not could_matter(ann.pk, UID, words, preferences, attentive=False)
    with transaction.atomic(), django_assert_num_queries(1):
        intake.detect_in_job([delivery(ann, said("So I think", number)) for number in range(20)])


def test_it_asks_once_when_two_hear_the_same_words_at_once(transactional_db: None) -> None:
    batch = delivery(person(), said(CALL, 1))
    claimed: list[object] = []
    ready = threading.Barrier(4)

    def listen() -> None:
        ready.wait()
        claimed.append(detect_in_request(batch, Preferences()))
        connections.close_all()

    threads = [threading.Thread(target=listen) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Question.objects.count() == 1
    assert sum(question is not None for question in claimed) == 1
