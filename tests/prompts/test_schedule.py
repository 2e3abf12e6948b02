"""Prompts by the clock, on each person's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models.functions import Now

from memories.models import Memory
from omibackend.accounts.models import Preferences
from omibackend.core.redis import soft_redis
from omibackend.prompts import jobs
from omibackend.prompts.models import PromptRun, PromptTemplate
from omibackend.prompts.schedule import latest_slot, validate_cron
from tests.llm.server import saying
from tests.prompts.cast import SUMMARY, remember, run_due, template
from tests.prompts.conftest import Serve
from tests.sender import Sender

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
EVERY_MINUTE = {"trigger": "schedule", "cron": "* * * * *", "prompt": "Digest: {memories} {date}"}


def since_long_ago(**changes: Any) -> PromptTemplate:
    made = template(**{**EVERY_MINUTE, **changes})
    PromptTemplate.objects.update(active_since=Now() - timedelta(days=2))
    return made


@pytest.mark.parametrize(
    ("cron", "zone", "slot"),
    [
        ("0 8 * * *", "UTC", "2026-11-20T08:00:00+00:00"),
        ("0 8 * * *", "America/New_York", "2026-11-19T08:00:00-05:00"),
        ("0 12 * * *", "UTC", "2026-11-20T12:00:00+00:00"),
        ("1 12 * * *", "UTC", "2026-11-19T12:01:00+00:00"),
        ("30 17 * * fri", "Asia/Kolkata", "2026-11-20T17:30:00+05:30"),
    ],
)
def test_it_finds_the_slot_on_the_persons_clock(cron: str, zone: str, slot: str) -> None:
    assert latest_slot(cron, NOON, zone).isoformat() == slot


def test_it_tells_the_two_hours_apart_when_clocks_go_back() -> None:
    first, second = (
        datetime(2026, 10, 25, 0, 31, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 31, tzinfo=UTC),
    )
    slots = {
        latest_slot("30 2 * * *", at, "Europe/Berlin").astimezone(UTC) for at in (first, second)
    }
    assert slots <= {at.replace(minute=30) for at in (first, second)}


@pytest.mark.parametrize(
    ("cron", "utc", "slot"),
    [
        # 2:30 is left out in March: it comes at 3:00, and not once more.
        ("30 2 * * *", "2026-03-29T00:59", "2026-03-28T01:30"),
        ("30 2 * * *", "2026-03-29T01:00", "2026-03-29T01:00"),
        ("30 2 * * *", "2026-03-29T20:00", "2026-03-29T01:00"),
        ("30 * * * *", "2026-03-29T01:15", "2026-03-29T00:30"),
        # It is there twice in October: once is enough for what has an hour of its own.
        ("30 2 * * *", "2026-10-25T00:30", "2026-10-25T00:30"),
        ("30 2 * * *", "2026-10-25T01:31", "2026-10-25T00:30"),
        ("30 2 * * *", "2026-10-26T00:00", "2026-10-25T00:30"),
        ("*/15 * * * *", "2026-10-25T01:31", "2026-10-25T01:30"),
    ],
)
def test_it_keeps_to_the_day_when_clocks_change(cron: str, utc: str, slot: str) -> None:
    found = latest_slot(cron, datetime.fromisoformat(f"{utc}+00:00"), "Europe/Berlin")
    assert found.astimezone(UTC).isoformat() == f"{slot}:00+00:00"


def test_it_finds_the_slot_of_this_very_moment() -> None:
    assert latest_slot("0 12 * * *", NOON.replace(second=0), "UTC") == NOON.replace(second=0)


@pytest.mark.parametrize(
    "cron", ["", "61 * * * *", "@daily", "* * * * * *", "H 8 * * *", "0 0 31 2 *", "x", "* * * *"]
)
def test_it_refuses_what_is_no_schedule(cron: str) -> None:
    with pytest.raises(ValidationError):
        validate_cron(cron)


@pytest.mark.parametrize("cron", ["*/5 * * * *", "0 8 * * mon-fri", "0 0 29 2 *", "15 6,18 1 * *"])
def test_it_takes_five_fields(cron: str) -> None:
    validate_cron(cron)


def test_it_runs_each_slot_once(omi: Sender, serve: Serve) -> None:
    server = serve(saying(SUMMARY))
    memory = remember(omi)
    since_long_ago(cron="* * * * *")
    assert jobs.dispatch() == 1
    jobs.dispatch()
    slots = PromptRun.objects.count()
    assert slots <= 2  # a minute may have gone by
    run = run_due()
    assert run.cause.startswith("slot:2")
    assert memory.title in run.rendered
    assert len(server.asked) == slots
    assert Memory.objects.get(source="prompt").title == SUMMARY["title"]


def test_it_wakes_the_lane(omi: Sender) -> None:
    since_long_ago()
    jobs.dispatch()
    assert soft_redis.client().exists("wake:ai")


def test_it_runs_for_everybody_or_for_one(owner: Any, staff: Any) -> None:
    since_long_ago()
    assert jobs.dispatch() == 2
    since_long_ago(name="Mine", owner=staff)
    assert jobs.dispatch() >= 1
    mine = PromptRun.objects.filter(template__name="Mine")
    assert {run.person for run in mine} == {staff}


def test_it_asks_nobody_who_has_nothing(owner: Any, serve: Serve) -> None:
    server = serve(saying(SUMMARY))
    since_long_ago()
    jobs.dispatch()
    assert run_due().why == "There was nothing to put into it."
    assert server.asked == []


def test_it_skips_accounts_that_are_switched_off(owner: Any) -> None:
    owner.is_active = False
    owner.save()
    since_long_ago()
    assert jobs.dispatch() == 0


def test_it_makes_up_for_no_slot_before_it_began(owner: Any) -> None:
    template(**{**EVERY_MINUTE, "cron": "0 0 1 1 *"})
    assert jobs.dispatch() == 0


def test_it_counts_the_day_on_the_persons_clock(owner: Any, omi: Sender) -> None:
    Preferences.objects.create(user=owner, time_zone="Pacific/Kiritimati")
    template()
    remember(omi)
    ahead = datetime.now(UTC) + timedelta(hours=14)
    assert PromptRun.objects.get().day == ahead.date()


def test_it_uses_no_memories_of_who_wants_none(owner: Any, omi: Sender, serve: Serve) -> None:
    server = serve(saying(SUMMARY))
    Preferences.objects.create(user=owner, inject_memories=False)
    remember(omi)
    since_long_ago()
    jobs.dispatch()
    run_due()
    assert server.asked == []
