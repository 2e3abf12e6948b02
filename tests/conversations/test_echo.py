"""What a phone read aloud of our own words is heard again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.assistant import answering
from conversations.models import Notification, OmiSession, Question, TranscriptSegment
from conversations.pages.session import plain_text
from conversations.pages.transcript import SpokenRow, transcript_of
from conversations.segments import Batch, Segment
from conversations.voice.intake import detect_in_request
from conversations.voice.playback import flag, playback_in, playbacks_in
from omibackend.accounts.models import ListenMode, Preferences, User
from omibackend.core.postgres.ids import uuid7
from tests.conversations.speech import UID, add_batches, detect_in_job, person, said

ANSWER = (
    "Sarah said that the venue is free on Tuesday, and that the deposit has to be paid by Friday."
    " Ask the caterer for a quote."
)
READ = "Sarah said that the venue is free on Tuesday and that the deposit has to be paid by friday"
REST = "Ask the caterer for a quote."


@pytest.fixture
def ann(transactional_db: None) -> User:
    return person()


def ago(seconds: float) -> datetime:
    moment: datetime = timezone.now() - timedelta(seconds=seconds)
    return moment


def answered(owner: User, text: str = ANSWER, *, ago_s: float = 30, **more: Any) -> Question:
    """Given in the webhook's own answer."""
    given: dict[str, Any] = {"channel": "inline", "quote": "Hey Omi, what did Sarah say?", **more}
    return Question.objects.create(
        owner=owner,
        uid=UID,
        trigger_key=uuid7().hex,
        answer=text,
        asked_at=ago(ago_s + 2),
        closes_at=ago(ago_s),
        answered_at=ago(ago_s),
        delivery_id=uuid7(),
        state="done",
        closed=True,
        **given,
    )


def pushed(owner: User, text: str = ANSWER, *, ago_s: float = 30, state: str = "sent") -> None:
    question = answered(owner, text, ago_s=ago_s, channel="notification")
    Notification.objects.create(
        question=question,
        cause=str(question.pk),
        recipient=Notification.recipient_of(owner.pk, UID),
        send_before=ago(ago_s - 60),
        owner=owner,
        uid=UID,
        text=text,
        sent_at=ago(ago_s),
        send_state=state,
    )


def heard(owner: User, *segments: Segment | str, uid: str = UID, ago_s: float = 0) -> Batch:
    spoken = [
        s if isinstance(s, Segment) else said(s, 10.0 + 5 * n) for n, s in enumerate(segments)
    ]
    return Batch(owner.pk, uid, None, tuple(spoken), uuid7(), ago(ago_s))


def ours(batch: Batch) -> list[str]:
    keys = playback_in(batch).keys
    return [segment.text for segment in batch.segments if segment.key in keys]


def stored(*batches: Batch) -> dict[str, bool]:
    """As the job does it. Returns each text, and whether it is flagged."""
    ours = playbacks_in([(batch, None) for batch in batches])
    flag(ours, add_batches(batches))
    return dict(TranscriptSegment.objects.values_list("text", "is_echo"))


@pytest.mark.parametrize("give", [answered, pushed])
def test_it_knows_its_words_among_others(ann: User, give: Any) -> None:
    give(ann)
    spoken = heard(ann, "What a nice day it is.", READ, REST, "Then let us go to Tom.")
    assert ours(spoken) == [READ, REST]


@pytest.mark.parametrize(
    ("answer", "segment"),
    [
        (ANSWER, "sarah set that the venue is free on tuesday"),
        (ANSWER, "The deposit has to be paid by Friday, ask the caterer."),
        ("She said Tuesday.", "she said tuesday"),
        ("Elle a dit mardi.", "Elle a dit Mardi"),
        ("会議は火曜日の十時です。", "会議は火曜日の十時です"),
    ],
)
def test_it_knows_a_part_as_speech_recognition_hears_it(
    ann: User, answer: str, segment: str
) -> None:
    answered(ann, answer)
    assert ours(heard(ann, segment)) == [segment]


@pytest.mark.parametrize(
    "segment",
    [
        "Tuesday?",
        "by Friday",
        "The venue is free.",
        "I shall ask Sarah on Tuesday whether the caterer is free by Friday at all.",
        f"I heard that {READ}, and now I want to think about the colours of the invitations.",
        "...",
    ],
)
def test_it_leaves_a_persons_own_words_alone(ann: User, segment: str) -> None:
    answered(ann)
    assert ours(heard(ann, segment)) == []


def test_it_takes_a_few_words_only_with_the_rest_of_it(ann: User) -> None:
    answered(ann)
    assert ours(heard(ann, REST)) == []
    assert ours(heard(ann, READ, REST)) == [READ, REST]
    assert ours(heard(ann, READ, "No, really?", REST)) == [READ]


@pytest.mark.parametrize(
    "given",
    [
        {"ago_s": 11 * 60},
        {"ago_s": -1},
        {"channel": "kept"},
        {"text": "The meeting moved to noon, and Tom brings the slides for all of you."},
    ],
    ids=["long ago", "only later", "never spoken", "other words"],
)
def test_it_needs_to_have_been_given_just_before(ann: User, given: dict[str, Any]) -> None:
    answered(ann, **given)
    assert ours(heard(ann, READ)) == []


def test_it_needs_to_have_reached_the_same_wearable(ann: User) -> None:
    pushed(ann, state="refused")
    assert ours(heard(ann, READ)) == []
    answered(ann)
    assert ours(heard(ann, READ, uid="another")) == []
    assert ours(heard(person("bob@example.com"), READ)) == []


def test_it_does_not_claim_what_it_had_quoted(ann: User) -> None:
    """An answer may repeat the person: said before it was given, the words are the person's."""
    before = heard(ann, READ, ago_s=60)
    stored(before)
    answered(ann)
    assert ours(Batch(ann.pk, UID, None, before.segments, uuid7(), ago(0))) == []
    assert stored(before) == {READ: False}


def test_it_tells_by_the_clock_that_they_were_said_again(ann: User) -> None:
    stored(heard(ann, READ, ago_s=60))
    answered(ann, ago_s=30)
    batch = Batch(ann.pk, UID, None, (said(READ, 5), said(READ, 80, key="again")), uuid7(), ago(0))
    assert playback_in(batch, began_at=ago(100)).keys == {"again"}


def test_it_finds_all_that_was_given_during_a_conversation(ann: User) -> None:
    answered(ann, ago_s=3600)
    batch = heard(ann, READ)
    assert playback_in(batch).keys == frozenset()
    assert playback_in(batch, began_at=ago(4000)).keys == {batch.segments[0].key}
    assert playback_in(batch, began_at=ago(10**9)).keys == {batch.segments[0].key}


@pytest.mark.parametrize(
    ("segments", "summary", "nothing"),
    [
        ([READ, REST], "You learnt about a venue.", True),
        ([READ, "I shall call her at noon then."], "You learnt about a venue.", False),
        ([READ, "Hey Omi, what did Sarah say?"], ANSWER, True),
        ([READ, "Hey Omi, what did Sarah say?"], "You learnt about a venue.", False),
        ([READ, "I shall call her at noon then."], ANSWER, False),
        ([], ANSWER, True),
        ([], "", False),
        ([], "Sarah and Tom met at the venue.", False),
    ],
)
def test_it_knows_when_a_memory_would_add_nothing(
    ann: User, segments: list[str], summary: str, nothing: bool
) -> None:
    answered(ann)
    assert playback_in(heard(ann, *segments)).adds_nothing(summary) is nothing


def test_it_flags_them_in_the_transcript(ann: User) -> None:
    answered(ann)
    assert stored(heard(ann, READ, "Let us go.")) == {READ: True, "Let us go.": False}
    row = TranscriptSegment.objects.get(is_echo=True)
    assert row.is_user is True


def test_it_takes_the_flag_back_when_more_was_said(ann: User) -> None:
    answered(ann)
    stored(heard(ann, said(READ, 10, key="one")))
    longer = f"{READ}. I do not believe that for a moment, she told Tom the very opposite of it."
    assert stored(heard(ann, said(longer, 10, key="one"))) == {longer: False}


def test_it_flags_of_many_deliveries_each_by_its_own_time(ann: User) -> None:
    answered(ann, ago_s=30)
    early = heard(ann, said("What a day.", 1), ago_s=40)
    late = heard(ann, said(READ, 60))
    assert stored(late, early) == {READ: True, "What a day.": False}


def test_it_reads_as_omis_words_in_the_transcript(ann: User) -> None:
    answered(ann)
    stored(heard(ann, READ))
    session = OmiSession.objects.get()
    (row,) = [row for row in transcript_of(session) if isinstance(row, SpokenRow)]
    assert (row.speaker, row.is_echo, row.is_person) == ("Omi", True, False)
    assert plain_text(session) == f"[0:10] Omi: {READ}\n"


def test_it_answers_nothing_from_its_own_words(ann: User) -> None:
    answered(ann, ago_s=60)
    stored(heard(ann, READ, "I like the venue on the hill.", ago_s=30))
    question = Question(owner=ann, uid=UID, text="Which venue?", asked_at=timezone.now())
    text = answering.ask(question, timeout_s=5).answer.text
    assert "the venue on the hill" in text
    assert "Sarah" not in text


def heard_as_question(batches: Sequence[Batch]) -> int:
    before = Question.objects.count()
    for batch in batches:
        detect_in_request(batch, Preferences(listen_mode=ListenMode.ALWAYS))
    add_batches(batches)
    detect_in_job(batches)
    return Question.objects.count() - before


def test_it_asks_nothing_by_its_own_words(ann: User) -> None:
    Preferences.objects.create(user=ann, listen_mode=ListenMode.ALWAYS)
    answered(ann, f"{ANSWER} Say hey Omi, what about Tom, to hear more about it.")
    call = "Say hey Omi, what about Tom, to hear more about it."
    assert heard_as_question([heard(ann, READ + "."), heard(ann, call)]) == 0
    assert heard_as_question([heard(ann, "When do we have to be there?")]) == 1


@pytest.mark.parametrize("places", [1, 30])
def test_it_costs_one_statement_when_nothing_was_given(ann: User, places: int) -> None:
    batches = [
        heard(ann, *[f"Sentence {n}." for n in range(100)], uid=str(p)) for p in range(places)
    ]
    with CaptureQueriesContext(connection) as asked:
        playbacks_in([(batch, None) for batch in batches])
    assert len(asked) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_seqscan = off; EXPLAIN {asked[0]['sql']}")
        plan = str(cursor.fetchall())
    assert "question_owner_uid_asked" in plan
    assert "notification_recipient" in plan
