import random
from collections.abc import Sequence

import pytest

from conversations.models import OmiSession, TranscriptSegment
from conversations.segments import Batch
from conversations.transcripts.cache import cache_counts
from omibackend.accounts.models import User
from omibackend.core.redis import soft_redis
from tests.conversations.speech import add_batches, batch, person, said, transcript, transcripts


@pytest.fixture
def ann(db: None) -> User:
    return person()


def talk(
    owner: User, *, begins_s: float, starts_s: Sequence[float], name: str = "w"
) -> list[Batch]:
    """A conversation heard live: each stretch arrives a second after it was said."""
    return [
        batch(owner, said(f"{name}{start_s:g}", start_s), heard_s=begins_s + start_s + 2)
        for start_s in starts_s
    ]


def hear(*batches: Batch) -> None:
    for one in batches:
        add_batches([one])


def test_it_keeps_one_conversation_together(ann: User) -> None:
    became = [add_batches([one]) for one in talk(ann, begins_s=0, starts_s=[0, 5, 60])]
    session = OmiSession.objects.get()
    assert transcript(session) == ["w0", "w5", "w60"]
    assert (session.min_start_s, session.max_end_s, session.segment_count) == (0, 61, 3)
    assert [next(iter(b.values()))[0].change for b in became] == ["created", "updated", "updated"]


def test_it_begins_a_session_after_a_silence(ann: User) -> None:
    hear(*talk(ann, begins_s=0, starts_s=[0, 5, 126.5]))
    assert transcripts() == [["w0", "w5"], ["w126.5"]]


def test_it_begins_a_session_when_the_clock_runs_back(ann: User) -> None:
    hear(*talk(ann, begins_s=0, starts_s=[300, 301]), *talk(ann, begins_s=400, starts_s=[1]))
    assert transcripts() == [["w1"], ["w300", "w301"]]


def test_it_tells_a_conversation_begun_by_hand_from_the_one_before(ann: User) -> None:
    hear(*talk(ann, begins_s=0, starts_s=range(0, 100, 5)))
    hear(*talk(ann, begins_s=103, starts_s=range(0, 130, 5), name="n"))
    assert OmiSession.objects.count() == 2
    assert sorted(map(len, transcripts())) == [20, 26]


def test_it_gives_a_retried_delivery_to_the_conversation_it_was_said_in(ann: User) -> None:
    first = talk(ann, begins_s=0, starts_s=range(0, 100, 5))
    late = batch(ann, said("late", 96.5), heard_s=133)
    hear(*first, *talk(ann, begins_s=103, starts_s=range(0, 30, 5), name="n"), late)
    assert "late" in transcripts()[-1]
    assert len(transcripts()[-1]) == 21


def test_it_keeps_a_delayed_delivery_that_goes_on_where_the_session_was(ann: User) -> None:
    hear(*talk(ann, begins_s=0, starts_s=[0, 5]), batch(ann, said("w9", 9), heard_s=1500))
    assert transcripts() == [["w0", "w5", "w9"]]


def test_it_does_not_join_what_was_said_on_another_day(ann: User) -> None:
    hear(*talk(ann, begins_s=0, starts_s=[0, 5]), *talk(ann, begins_s=86_400, starts_s=[7]))
    assert transcripts() == [["w0", "w5"], ["w7"]]


def test_it_merges_two_sessions_that_turn_out_to_be_one(ann: User) -> None:
    first, last, between = (batch(ann, said(str(s), s), heard_s=0) for s in (0, 200, 100))
    hear(first, last)
    assert OmiSession.objects.count() == 2
    became = add_batches([between])
    session = OmiSession.objects.get()
    assert transcript(session) == ["0", "100", "200"]
    assert session.segment_count == 3
    assert became[between.delivery_id][0].id == str(session.pk)


def test_it_takes_a_named_session_at_its_word(ann: User) -> None:
    for heard_s, name in ((0, "a"), (1, "b"), (9_000, "a")):
        hear(batch(ann, said(f"{name}{heard_s}", None), heard_s=heard_s, sender_session_id=name))
    assert transcripts() == [["a0", "a9000"], ["b1"]]


def test_it_appends_what_tells_no_time_as_it_came(ann: User) -> None:
    words = ["z", "a", "m"]
    hear(*(batch(ann, said(word), heard_s=number) for number, word in enumerate(words)))
    hear(batch(ann, said("later"), heard_s=500))
    assert transcripts() == [["later"], words]


def test_it_changes_nothing_when_words_come_again(ann: User) -> None:
    batches = talk(ann, begins_s=0, starts_s=[0, 5])
    add_batches(batches)
    before = OmiSession.objects.values().get()
    again = batch(ann, *batches[0].segments, heard_s=900)
    assert add_batches([again])[again.delivery_id][0].change == "unchanged"
    assert OmiSession.objects.values().get() == before


def test_it_lets_the_latest_telling_of_a_segment_stand(ann: User) -> None:
    old, new = (batch(ann, said(text, 3, key="k"), heard_s=s) for s, text in ((5, "x"), (6, "y")))
    hear(new, old)
    assert transcripts() == [["y"]]
    assert OmiSession.objects.get().segment_count == 1


def test_it_splits_one_delivery_at_a_silence(ann: User) -> None:
    both = batch(ann, said("a", 0), said("b", 500))
    assert len(add_batches([both])[both.delivery_id]) == 2
    assert transcripts() == [["a"], ["b"]]


def test_it_keeps_people_and_wearables_apart(ann: User) -> None:
    bob = person("bob@example.com")
    add_batches(
        [batch(ann, said("a", 0)), batch(bob, said("b", 0)), batch(ann, said("c", 0), uid="other")]
    )
    assert transcripts() == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("seed", range(3))
def test_it_ends_with_the_same_transcripts_in_any_order(ann: User, seed: int) -> None:
    starts = [start + conversation * 1000 for conversation in range(12) for start in (0, 40, 130)]
    batches = [batch(ann, said(f"{start}", start, key=f"k{start}")) for start in starts]
    shuffled = batches * 2
    random.Random(seed).shuffle(shuffled)
    for index in range(0, len(shuffled), 7):
        add_batches(shuffled[index : index + 7])
    expected = [[f"{c * 1000 + s}" for s in (0, 40, 130)] for c in range(12)]
    assert transcripts() == sorted(expected)
    assert sum(s.segment_count for s in OmiSession.objects.all()) == 36


def test_it_remembers_sessions_and_counts_how_often(
    ann: User, django_capture_on_commit_callbacks: object
) -> None:
    for one in talk(ann, begins_s=0, starts_s=[0, 5, 10]):
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            add_batches([one])
    assert cache_counts() == {"hits": 2, "misses": 1}
    assert OmiSession.objects.get().version == 3


def test_it_never_trusts_an_old_memory(
    ann: User, django_capture_on_commit_callbacks: object
) -> None:
    first, second, third = talk(ann, begins_s=0, starts_s=[0, 500, 505])
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        add_batches([first])
    add_batches([second])  # remembered by nobody
    add_batches([third])
    assert transcripts() == [["w0"], ["w500", "w505"]]


def test_it_goes_on_without_redis(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_redis.breaker, "_closed_again_at", float("inf"))
    hear(*talk(ann, begins_s=0, starts_s=[0, 5]))
    assert transcripts() == [["w0", "w5"]]
    assert cache_counts() == {"hits": 0, "misses": 0}


def test_it_needs_as_many_statements_for_many_deliveries_as_for_one(
    ann: User, django_assert_max_num_queries: object
) -> None:
    people = [person(f"p{number}@example.com") for number in range(20)]
    with django_assert_max_num_queries(7):  # type: ignore[operator]
        add_batches([batch(one, *(said("x", s) for s in range(5))) for one in people])
    assert TranscriptSegment.objects.count() == 100
