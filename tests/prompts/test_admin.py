"""What staff sees of prompts, and what it may do."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from memories.models import Memory
from omibackend.core.redis import soft_redis
from omibackend.core.work.leased import State
from omibackend.prompts import jobs
from omibackend.prompts.admin.page import NOTHING, cost_of
from omibackend.prompts.models import Outcome, PromptRun, PromptTemplate
from tests.conftest import work
from tests.llm.server import failing, saying
from tests.prompts.cast import SUMMARY, remember, run_due, template
from tests.prompts.conftest import Serve
from tests.sender import Sender

LIST = reverse("admin:prompts_prompttemplate_changelist")
RUNS = reverse("admin:prompts_promptrun_changelist")
FORM = {
    "name": "Digest",
    "enabled": "on",
    "output": "message",
    "trigger": "schedule",
    "cron": "0 8 * * *",
    "prompt": "What matters in {memories}?",
    "most_input_chars": "20000",
    "most_runs_per_day": "5",
}


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def clerk(db: None) -> Client:
    """Staff who may see runs, and no more."""
    user = get_user_model().objects.create_user("clerk@example.org", "x" * 20, is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename="view_promptrun"))
    client = Client()
    client.force_login(user)
    return client


def page_of(run: PromptRun) -> str:
    return reverse("admin:prompts_promptrun_change", args=[run.pk])


def try_of(made: PromptTemplate) -> str:
    return reverse("admin:prompts_prompttemplate_try", args=[made.pk])


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_it_takes_a_new_prompt(admin: Client) -> None:
    answer = admin.post(reverse("admin:prompts_prompttemplate_add"), FORM)
    assert answer.status_code == 302
    made = PromptTemplate.objects.get()
    assert (made.name, made.owner, made.cron) == ("Digest", None, "0 8 * * *")


def test_it_refuses_an_unknown_variable_and_names_those_it_knows(admin: Client) -> None:
    form = {**FORM, "prompt": "What of {memory.owner}?"}
    page = admin.post(reverse("admin:prompts_prompttemplate_add"), form).content.decode()
    assert "There is no {memory.owner}. Known are {transcript}" in page
    assert not PromptTemplate.objects.exists()


def test_a_new_schedule_makes_up_for_no_slot_of_before(admin: Client) -> None:
    made = template(name="Digest", trigger="schedule", cron="0 8 * * *", prompt="{memories}")
    address = reverse("admin:prompts_prompttemplate_change", args=[made.pk])
    admin.post(address, {**FORM, "output": "memory"})
    same = PromptTemplate.objects.get()
    assert (same.active_since, same.most_runs_per_day) == (made.active_since, 5)
    admin.post(address, {**FORM, "output": "memory", "cron": "0 9 * * *"})
    changed = PromptTemplate.objects.get()
    assert changed.cron == "0 9 * * *"
    assert changed.active_since > made.active_since


def test_it_lists_prompts_with_what_they_did(admin: Client, omi: Sender, serve: Serve) -> None:
    serve(saying(SUMMARY, usage={"prompt_tokens": 2000, "completion_tokens": 100}))
    template()
    remember(omi)
    run_due()
    page = text(admin, LIST)
    for shown in ("Sum up", "everybody", "1 run", "100 %", "2\u202f100 tokens"):
        assert shown in page


def test_it_lists_many_with_as_few_queries_as_one(
    admin: Client, omi: Sender, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        template(name=f"Prompt {number}")
    remember(omi)
    with django_assert_max_num_queries(10):
        admin.get(LIST)
    with django_assert_max_num_queries(10):
        admin.get(RUNS)


def test_it_shows_what_was_sent_said_and_made(admin: Client, omi: Sender, serve: Serve) -> None:
    serve(saying(SUMMARY))
    template()
    original = remember(omi)
    page = text(admin, page_of(run_due()))
    note = Memory.objects.get(source="prompt")
    link = reverse("admin:memories_memory_change", args=[note.pk])
    delivery = reverse("admin:webhooks_delivery_change", args=[omi.deliveries()[0].pk])
    for shown in (original.title, SUMMARY["text"], link, delivery, "Made something"):
        assert shown in page


def test_it_shows_no_words_without_the_permission(clerk: Client, omi: Sender, serve: Serve) -> None:
    serve(saying(SUMMARY))
    template()
    original = remember(omi)
    page = text(clerk, page_of(run_due())) + text(clerk, RUNS)
    assert "Made something" in page
    assert original.title not in page
    assert SUMMARY["text"] not in page


def test_it_says_why_a_run_failed_or_did_not_run(admin: Client, omi: Sender, serve: Serve) -> None:
    template()
    remember(omi)
    run = run_due()
    assert jobs.NO_MODEL in text(admin, RUNS)
    serve(failing(401))
    admin.post(RUNS, {"action": "run_selected_again", "_selected_action": [run.pk]})
    run = run_due()
    assert run.state == State.DEAD
    page = text(admin, page_of(run))
    assert "Check OPENAI_API_KEY" in page
    assert "Failed" in page
    assert "1 run of a prompt failed" in text(admin, reverse("admin:index"))


def test_it_runs_again_what_made_nothing(admin: Client, omi: Sender, serve: Serve) -> None:
    template()
    remember(omi)
    run = run_due()
    serve(saying(SUMMARY))
    answer = admin.post(f"{RUNS}{run.pk}/again/", {"_form_submitted": "1"})
    assert answer.status_code == 302
    assert soft_redis.client().exists("wake:ai")
    assert run_due().outcome == Outcome.MADE


def test_it_runs_nothing_again_that_made_something(
    admin: Client, omi: Sender, serve: Serve
) -> None:
    server = serve(saying(SUMMARY))
    template()
    remember(omi)
    run = run_due()
    admin.post(RUNS, {"action": "run_selected_again", "_selected_action": [run.pk]})
    work("ai")
    assert len(server.asked) == 1
    assert PromptRun.objects.get().outcome == Outcome.MADE


def test_it_lets_nobody_run_again_who_may_only_look(clerk: Client, omi: Sender) -> None:
    template()
    remember(omi)
    run = run_due()
    clerk.post(RUNS, {"action": "run_selected_again", "_selected_action": [run.pk]})
    assert clerk.post(f"{RUNS}{run.pk}/again/").status_code == 403
    assert PromptRun.objects.get().outcome == Outcome.NOT_RUN


def test_it_shows_a_prompt_without_asking(
    admin: Client, omi: Sender, owner: Any, serve: Serve
) -> None:
    server = serve(saying(SUMMARY))
    original = remember(omi)
    made = template()
    page = admin.post(try_of(made), {"person": owner.pk, "do": "show"}).content.decode()
    assert original.title in page
    assert server.asked == []


def test_it_tries_without_keeping_anything(
    admin: Client, omi: Sender, owner: Any, serve: Serve
) -> None:
    server = serve(saying(SUMMARY))
    original = remember(omi)
    made = template()
    page = admin.post(try_of(made), {"person": owner.pk, "do": "ask"}).content.decode()
    assert SUMMARY["text"] in page
    assert original.title in page
    assert len(server.asked) == 1
    assert not PromptRun.objects.exists()
    assert not Memory.objects.filter(source="prompt").exists()


def test_it_says_what_went_wrong_in_a_try(
    admin: Client, omi: Sender, owner: Any, serve: Serve
) -> None:
    made = template()
    wish = {"person": owner.pk, "do": "ask"}
    assert "no conversation or memory" in admin.post(try_of(made), wish).content.decode()
    remember(omi)
    assert "No language model" in admin.post(try_of(made), wish).content.decode()
    serve(failing(503))
    assert "answered 503" in admin.post(try_of(made), wish).content.decode()


def test_it_runs_now(admin: Client, omi: Sender, owner: Any, serve: Serve) -> None:
    serve(saying(SUMMARY))
    remember(omi)
    made = template(enabled=False)
    answer = admin.post(try_of(made), {"person": owner.pk, "do": "run"})
    run = PromptRun.objects.get()
    assert answer["Location"] == page_of(run)
    assert run_due().outcome == Outcome.MADE


def test_it_offers_no_one_else_for_a_prompt_of_one_person(
    admin: Client, omi: Sender, owner: Any, staff: Any
) -> None:
    remember(omi)
    made = template(owner=staff)
    admin.post(try_of(made), {"person": owner.pk, "do": "run"})
    assert not PromptRun.objects.exists()


def test_it_lets_nobody_try_who_may_not_read(clerk: Client, owner: Any) -> None:
    made = template()
    assert clerk.get(try_of(made)).status_code == 403
    assert clerk.post(try_of(made), {"person": owner.pk, "do": "run"}).status_code == 403


def test_it_tries_nothing_when_switched_off(admin: Client, settings: Any) -> None:
    settings.ENABLE_PROMPT_WORKERS = False
    assert admin.get(try_of(template())).status_code == 403


def test_it_stands_in_the_sidebar(admin: Client) -> None:
    page = text(admin, reverse("admin:index"))
    assert LIST in page
    assert RUNS in page


def test_it_tells_a_cost_in_what_it_knows() -> None:
    assert cost_of(None, None, None) == NOTHING
    assert cost_of(None, 10, None) == "10 tokens"
    assert cost_of(Decimal("0.0012"), 1000, 1) == "$0.0012 · 1\u202f001 tokens"
    assert cost_of(Decimal("12.5"), 1, 0) == "$12.50 · 1 token"
    assert cost_of(Decimal("0.00000025"), 1, 0).startswith("< $0.0001")
