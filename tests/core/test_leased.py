"""The invariants of durable work, on deliveries as the rows."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models.functions import Now
from pytest_django import Settings

from omibackend.core.errors import SetAside
from omibackend.core.redis import soft_redis
from omibackend.core.work import draining, lanes, leased
from omibackend.core.work.effects import Change, Effect
from omibackend.core.work.leased import State
from omibackend.core.work.registry import WorkType
from webhooks.inbox.endpoints import create
from webhooks.models import Delivery, Endpoint

Handler = Callable[[Any, Any], list[Effect]]


@pytest.fixture
def rows(owner: Any) -> Callable[[int], list[Delivery]]:
    endpoint = Endpoint(owner=owner, provider="omi", name="x")
    create(endpoint)

    def make(count: int) -> list[Delivery]:
        made = [
            Delivery(endpoint=endpoint, event="e", body=b"{}", body_sha256=b"", body_bytes=2)
            for _ in range(count)
        ]
        return Delivery.objects.bulk_create(made)

    return make


def kind(apply: Handler | None = None, **options: Any) -> WorkType:
    return WorkType(
        model=Delivery,
        lane="test",
        lease_s=options.pop("lease_s", 30),
        apply=apply or (lambda row, _: [Effect.on("x", row.pk, Change.CREATED)]),
        **options,
    )


def work(of: WorkType) -> bool:
    return draining.work_due(of, until=time.monotonic() + 10)


def fail_with(error: Exception) -> Handler:
    def apply(row: Any, _: Any) -> list[Effect]:
        raise error

    return apply


def test_it_finishes_each_row_once(rows: Any) -> None:
    made = rows(3)
    work(kind())
    done = Delivery.objects.filter(state=State.DONE)
    assert done.count() == 3
    assert done[0].effects[0].change == "created"
    assert (done[0].attempts, done[0].lease_token, len(done[0].attempt_log)) == (1, None, 1)
    assert not leased.claim(kind(), limit=len(made), fresh=True)


def test_it_takes_many_rows_in_one_transaction(rows: Any) -> None:
    rows(5)
    sizes: list[int] = []

    def many(batch: Sequence[Any]) -> dict[Any, list[Effect]]:
        sizes.append(len(batch))
        return {row.pk: [] for row in batch}

    work(kind(apply_many=many))
    assert sizes == [5]
    assert Delivery.objects.filter(state=State.DONE).count() == 5


def test_it_works_a_failed_bulk_row_by_row(rows: Any) -> None:
    made = rows(4)
    poison = made[1].pk

    def apply(row: Any, _: Any) -> list[Effect]:
        if row.pk == poison:
            raise SetAside("this one cannot be read")
        return []

    def many(batch: Sequence[Any]) -> dict[Any, list[Effect]]:
        raise ValueError

    work(kind(apply, apply_many=many))
    assert Delivery.objects.filter(state=State.DONE).count() == 3
    dead = Delivery.objects.get(state=State.DEAD)
    assert (dead.pk, dead.last_error) == (poison, "this one cannot be read")


def test_it_works_alone_what_a_bulk_leaves_out(rows: Any) -> None:
    made = rows(3)
    alone: list[Any] = []

    def apply(row: Any, _: Any) -> list[Effect]:
        alone.append(row.pk)
        return []

    work(kind(apply, apply_many=lambda batch: {row.pk: [] for row in batch[1:]}))
    assert alone == [made[0].pk]
    assert Delivery.objects.filter(state=State.DONE).count() == 3


def test_it_waits_longer_after_each_failure_and_then_sets_aside(
    rows: Any, settings: Settings
) -> None:
    settings.QUEUE_MAX_RETRIES = 2
    (row,) = rows(1)
    waits = []
    for _ in range(3):
        work(kind(fail_with(ValueError("secret words"))))
        row.refresh_from_db()
        waits.append((row.state, row.attempt_log[-1].get("wait_s")))
        Delivery.objects.update(next_attempt_at=Now())
    assert [state for state, _ in waits] == [State.PENDING, State.PENDING, State.DEAD]
    assert 4 <= waits[0][1] <= 6
    assert 24 <= waits[1][1] <= 36
    assert waits[2][1] is None
    assert row.attempts == 3


def test_it_keeps_the_class_and_not_the_words_of_an_error(rows: Any) -> None:
    (row,) = rows(1)
    work(kind(fail_with(ValueError("secret words"))))
    row.refresh_from_db()
    assert row.last_error == "ValueError"
    assert "secret" not in str(row.attempt_log)


def test_it_keeps_no_values_of_a_database_error(rows: Any) -> None:
    (row,) = rows(1)

    def apply(row: Any, _: Any) -> list[Effect]:
        Endpoint.objects.bulk_create(
            [Endpoint(owner_id=row.endpoint.owner_id, token_hash="secret")] * 2
        )
        return []

    work(kind(apply))
    row.refresh_from_db()
    assert "unique constraint" in row.last_error
    assert "secret" not in row.last_error


def test_it_rolls_back_the_effects_of_a_late_worker(rows: Any) -> None:
    rows(1)

    def apply(late: Any, _: Any) -> list[Effect]:
        Endpoint.objects.update(name="written late")
        Delivery.objects.filter(pk=late.pk).update(lease_token=None)  # somebody took it over
        return []

    work(kind(apply))
    assert Endpoint.objects.get().name == "x"


def test_it_does_not_fail_a_row_that_somebody_else_holds(rows: Any) -> None:
    rows(1)
    mine = leased.claim(kind(lease_s=0), limit=1, fresh=True)[0]
    theirs = leased.claim(kind(), limit=1, fresh=False)[0]
    leased.fail(mine, ValueError(), ms=1)
    row = Delivery.objects.get()
    assert (row.state, row.lease_token) == (State.LEASED, theirs.lease_token)


def test_it_takes_over_an_expired_lease_and_says_so(rows: Any) -> None:
    rows(1)
    leased.claim(kind(lease_s=0), limit=1, fresh=True)
    work(kind())
    row = Delivery.objects.get()
    assert (row.state, row.attempts) == (State.DONE, 2)
    assert row.attempt_log[0]["error"] == leased.WORKER_DIED


def test_it_does_not_touch_a_lease_that_still_runs(rows: Any) -> None:
    rows(1)
    leased.claim(kind(), limit=1, fresh=True)
    work(kind())
    assert Delivery.objects.get().state == State.LEASED


def test_it_sets_aside_a_row_that_kills_its_workers(rows: Any, settings: Settings) -> None:
    settings.QUEUE_MAX_RETRIES = 1
    rows(1)
    leased.claim(kind(lease_s=0), limit=1, fresh=True)
    leased.claim(kind(lease_s=0), limit=1, fresh=False)
    work(kind())
    assert Delivery.objects.get().state == State.DEAD


def test_it_works_rows_that_failed_before_one_at_a_time(rows: Any) -> None:
    rows(3)
    leased.claim(kind(lease_s=0), limit=3, fresh=True)
    sizes: list[int] = []
    work(kind(apply_many=lambda batch: sizes.append(len(batch)) or {}))  # type: ignore[func-returns-value]
    assert sizes == []
    assert Delivery.objects.filter(state=State.DONE).count() == 3


def test_it_never_gives_one_row_to_two_claims(rows: Any) -> None:
    rows(4)
    first = leased.claim(kind(), limit=3, fresh=True)
    second = leased.claim(kind(), limit=3, fresh=True)
    assert len({row.pk for row in [*first, *second]}) == 4


def test_it_claims_no_more_than_its_limit_whatever_the_plan(rows: Any) -> None:
    rows(1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_delivery")
    rows(4)
    assert len(leased.claim(kind(), limit=1, fresh=True)) == 1


def test_it_runs_slow_work_outside_the_transaction(rows: Any) -> None:
    rows(1)
    seen: list[Any] = []

    def prepare(row: Any) -> str:
        return "slow result"

    def apply(row: Any, prepared: Any) -> list[Effect]:
        seen.append(prepared)
        return []

    work(kind(apply, prepare=prepare))
    assert seen == ["slow result"]


def test_it_replays_from_the_start(rows: Any) -> None:
    rows(1)
    work(kind(fail_with(SetAside("no"))))
    assert leased.replay(Delivery.objects.all()) == 1
    row = Delivery.objects.get()
    assert (row.state, row.attempts, row.last_error) == (State.PENDING, 0, "")


def test_it_does_not_replay_what_runs(rows: Any) -> None:
    rows(1)
    leased.claim(kind(), limit=1, fresh=True)
    assert leased.replay(Delivery.objects.all()) == 0


def test_it_keeps_a_broken_row_from_holding_up_the_others(rows: Any) -> None:
    made = rows(3)

    def apply(row: Any, _: Any) -> list[Effect]:
        if row.pk == made[0].pk:
            raise IntegrityError
        return []

    work(kind(apply))
    assert Delivery.objects.filter(state=State.DONE).count() == 2


class TestWake:
    @pytest.fixture(autouse=True)
    def _database(self, db: None) -> None:
        """An empty Redis."""

    def test_it_asks_for_one_drain_however_often_it_is_woken(self) -> None:
        assert [lanes.wake("inbox") for _ in range(5)] == [True] * 5
        assert soft_redis.client().llen("rq:queue:inbox") == 1

    def test_it_can_be_woken_again_once_a_drain_began(self) -> None:
        lanes.wake("inbox")
        lanes.forget_wake("inbox")
        lanes.wake("inbox")
        assert soft_redis.client().llen("rq:queue:inbox") == 2

    def test_it_does_not_pile_up_drains_when_no_worker_comes(self) -> None:
        for _ in range(lanes.MOST_WAITING + 5):
            lanes.wake("inbox")
            lanes.forget_wake("inbox")
        assert soft_redis.client().llen("rq:queue:inbox") == lanes.MOST_WAITING

    def test_it_says_when_redis_cannot_be_asked(self) -> None:
        soft_redis.breaker.trip()
        assert lanes.wake("inbox") is False

    def test_it_wakes_in_the_background_and_after_a_burst(self) -> None:
        for _ in range(50):
            lanes.waker().mark("inbox")
        deadline = time.monotonic() + 5
        while not soft_redis.client().llen("rq:queue:inbox") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert soft_redis.client().llen("rq:queue:inbox") == 1


def test_the_sweeper_wakes_the_lane_of_a_due_row(rows: Any) -> None:
    rows(2)
    assert draining.sweep() == {"inbox": 2}
    assert soft_redis.client().exists("wake:inbox")


def test_the_sweeper_leaves_alone_what_is_not_due(rows: Any) -> None:
    rows(1)
    Delivery.objects.update(next_attempt_at=Now() + timedelta(minutes=1))
    assert draining.sweep() == {}
