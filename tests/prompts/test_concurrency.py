"""Two schedulers and two workers at once, on real connections that commit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from omibackend.core.work import draining
from omibackend.prompts import booking, jobs, planning
from omibackend.prompts.booking import Wanted
from omibackend.prompts.models import Outcome, PromptRun, PromptTemplate
from tests.llm.server import saying
from tests.memories.test_concurrency import at_once
from tests.prompts.cast import SUMMARY, remember, template
from tests.prompts.conftest import Serve
from tests.sender import Sender

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_schedulers_make_each_run_once(owner: Any) -> None:
    template(trigger="schedule", cron="0 0 * * *", prompt="{memories}")
    PromptTemplate.objects.update(active_since=Now() - timedelta(days=2))
    midnight = timezone.now().replace(hour=0, minute=0)
    if timezone.now() - midnight > planning.LATEST_SLOT:
        hour = timezone.now().strftime("%H")
        PromptTemplate.objects.update(cron=f"0 {hour} * * *")
    made = at_once(*[jobs.dispatch] * 6)
    assert sorted(made) == [0, 0, 0, 0, 0, 1]
    assert PromptRun.objects.count() == 1


def test_the_days_limit_holds_against_many_at_once(owner: Any) -> None:
    made = template(most_runs_per_day=3)

    def insert(number: int) -> None:
        with transaction.atomic():
            booking.insert([Wanted(made, owner.pk, f"memory:{number}:x")])

    at_once(*[lambda number=number: insert(number) for number in range(8)])
    assert PromptRun.objects.filter(outcome=Outcome.NOT_RUN).count() == 5
    assert PromptRun.objects.count() == 8


def test_two_workers_ask_the_model_once(omi: Sender, serve: Serve) -> None:
    server = serve(saying(SUMMARY))
    template()
    remember(omi)
    at_once(*[lambda: draining.drain("ai")] * 3)
    assert PromptRun.objects.get().outcome == Outcome.MADE
    assert len([asked for asked in server.asked if "instruction" in str(asked)]) == 1
