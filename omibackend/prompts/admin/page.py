"""A run as its page and the lists tell it: the state in words, what it cost, what it made."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from omibackend.core.admin.links import admin_link
from omibackend.core.admin.outcome import attempts, became
from omibackend.core.admin.states import Chip, shown_state, state_chip
from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.show.human import several
from omibackend.core.work.leased import State
from omibackend.prompts.models import Outcome, PromptRun, PromptTemplate

DAY, MONTH = timedelta(days=1), timedelta(days=30)
NOTHING = "\N{EN DASH}"
SHOWN_RUNS = 8

OUTCOMES: dict[str, Chip] = {
    Outcome.MADE: ("ok", "check", "made something"),
    Outcome.NOTHING: ("mute", "remove", "nothing to make"),
    Outcome.NOT_RUN: ("mute", "do_not_disturb_on", "not run"),
}
ANSWERED = (Outcome.MADE, Outcome.NOTHING)
CAUSES = {
    "memory": "a memory of Omi's",
    "session": "the end of a conversation",
    "slot": "the clock",
    "hand": "started by hand",
}


def chip_of(run: PromptRun) -> Chip:
    state = shown_state(run)
    if state == "dead":
        return "bad", "error", "failed"
    if state == "waiting" and run.cause.startswith("session:"):
        waits = run.next_attempt_at > timezone.now()
        return "info", "hourglass_empty", "waits for the end" if waits else "waiting"
    return OUTCOMES.get(run.outcome) or state_chip(run)


def why_of(run: PromptRun) -> str:
    return run.why or run.last_error


def cost_of(cost: Decimal | None, tokens_in: int | None, tokens_out: int | None) -> str:
    """In dollars where the price is known, else in tokens, which are always true."""
    if tokens_in is None and tokens_out is None:
        return NOTHING
    tokens = several((tokens_in or 0) + (tokens_out or 0), "token")
    return tokens if cost is None else f"{dollars(cost)} · {tokens}"


def dollars(cost: Decimal) -> str:
    places = 2 if cost >= 1 else 4
    return f"${cost:.{places}f}" if cost >= Decimal("0.0001") or not cost else "< $0.0001"


def made_of(run: PromptRun) -> str:
    kinds: dict[str, int] = {}
    for row in run.effects:
        if row.id and row.kind != "conversation":
            kinds[row.kind] = kinds.get(row.kind, 0) + 1
    many = {"memory": "memories"}
    told = (several(n, kind.replace("_", " "), many.get(kind)) for kind, n in kinds.items())
    return ", ".join(told) or NOTHING


def page(run: PromptRun, user: Any) -> dict[str, Any]:
    delivery = ""
    if run.delivery_id and user.has_perm("webhooks.view_delivery"):
        delivery = admin_link("webhooks_delivery_change", run.delivery_id)
    return {
        "run": run,
        "chip": chip_of(run),
        "text": why_of(run) or (f"{made_of(run)}." if run.effects else ""),
        "cause": CAUSES.get(run.cause.partition(":")[0], run.cause),
        "cost": cost_of(run.cost, run.tokens_in, run.tokens_out),
        "became": became([row for row in run.effects if row.id], user),
        "attempts": list(attempts(run.attempt_log)),
        "may_read": user.has_perm("prompts.read_promptrun"),
        "delivery_link": delivery,
    }


def newest_runs(template: PromptTemplate) -> list[dict[str, Any]]:
    rows = template.runs.select_related("person").defer("rendered", "answer", "about")
    return [{"run": run, "chip": chip_of(run)} for run in rows.order_by("-id")[:SHOWN_RUNS]]


def with_figures(templates: "QuerySet[PromptTemplate]") -> "QuerySet[PromptTemplate]":
    """Each with its last run, the last day's number, and a month's outcome and cost."""
    now = timezone.now()
    newest = PromptRun.objects.filter(template=OuterRef("pk")).order_by("-id")

    def since(span: timedelta, **figures: Any) -> Subquery:
        lately = newest.filter(id__gte=first_uuid7(now - span)).order_by().values("template")
        return Subquery(lately.annotate(**figures).values(*figures))

    return templates.annotate(
        last_at=Subquery(newest.values("created_at")[:1]),
        today=since(DAY, number=Count("*")),
        well=since(MONTH, number=Count("pk", filter=Q(outcome__in=ANSWERED))),
        failed=since(MONTH, number=Count("pk", filter=Q(state=State.DEAD))),
        sum_in=since(MONTH, number=Sum("tokens_in")),
        sum_out=since(MONTH, number=Sum("tokens_out")),
        sum_cost=since(MONTH, number=Sum("cost")),
    )


def success_of(well: int | None, failed: int | None) -> Chip | None:
    finished = (well or 0) + (failed or 0)
    if not finished:
        return None
    share = f"{100 * (well or 0) // finished} %"
    return ("bad", "error", share) if failed else ("ok", "check", share)
