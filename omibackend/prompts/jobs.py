"""The background work of prompts: the model is asked first, and what it said becomes rows then."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from memories.saving.writing import lock_owner
from omibackend.core.text import storable
from omibackend.core.work import lanes, registry
from omibackend.core.work.effects import Effect
from omibackend.core.work.registry import WorkType
from omibackend.llm.client import complete
from omibackend.llm.context import Completion, NoModel
from omibackend.llm.prompt import filled
from omibackend.prompts import material, outputs, planning
from omibackend.prompts.material import Material, NotRun
from omibackend.prompts.models import Outcome, PromptRun
from omibackend.prompts.outputs import Answer

LANE = "ai"
LEASE_MARGIN_S = 30
MILLION = 1_000_000
HELD = {"memory", "action_item", "message"}
NO_MODEL = "No language model is configured: set OPENAI_API_KEY, then run it again."
SWITCHED_OFF = "The prompt is switched off."
GONE = "What it is about was deleted meanwhile."
DELETED_BEFORE = "What it made before was deleted, and stays deleted."
NOTHING_SAID = "The model found nothing to say."


@dataclass(frozen=True)
class RunResult:
    """What was asked and answered; without an answer, why nobody was asked."""

    found: Material | None = None
    rendered: str = ""
    completion: Completion[Answer] | None = None
    why_not: str = ""


def ask(run: PromptRun) -> RunResult:
    """Asks the model, outside any transaction. Raises ModelError or ModelRefused."""
    try:
        found = material.gather(run)
    except NotRun as error:
        return RunResult(why_not=str(error))
    prompt = run.template.prompt
    rendered = filled(prompt, found.values)
    form = outputs.FORMS[run.template.output]
    try:
        completion: Completion[Answer] = complete(
            prompt, found.values, form, timeout_s=settings.OPENAI_TIMEOUT_MS / 1000
        )
    except NoModel:
        return RunResult(found, rendered, why_not=NO_MODEL)
    return RunResult(found, rendered, completion)


def prepare(run: PromptRun) -> RunResult:
    if run.template.enabled or run.cause.startswith("hand:"):
        return ask(run)
    return RunResult(why_not=SWITCHED_OFF)


def apply(run: PromptRun, result: RunResult) -> list[Effect]:
    completion, found = result.completion, result.found
    if found is None:
        _finish(run, Outcome.NOT_RUN, result.why_not)
        return []
    lock_owner([run.person_id])
    if not material.still_there(found):
        _finish(run, Outcome.NOT_RUN, GONE, completion)
        return []
    run.rendered, run.about = storable(result.rendered), found.about
    if completion is None:
        _finish(run, Outcome.NOT_RUN, result.why_not)
        return []
    effects = outputs.store(run, completion.value, found)
    made = [effect for effect in effects if effect.id]
    run.answer = outputs.as_text(completion.value)
    run.about = [*found.about, *(UUID(effect.id) for effect in made if effect.kind in HELD)]
    if made:
        _finish(run, Outcome.MADE, "", completion)
    else:
        _finish(run, Outcome.NOTHING, DELETED_BEFORE if effects else NOTHING_SAID, completion)
    return effects


def _finish(
    run: PromptRun, outcome: Outcome, why: str, completion: Completion[Answer] | None = None
) -> None:
    run.outcome, run.why = outcome, why
    if completion is not None:
        run.model = completion.model[:100]
        run.tokens_in, run.tokens_out = completion.tokens_in, completion.tokens_out
        run.cost, run.took_ms = cost(completion), round(completion.took_ms)
    run.save(
        update_fields=[
            *("outcome", "why", "rendered", "answer", "about"),
            *("model", "tokens_in", "tokens_out", "cost", "took_ms"),
        ]
    )


def cost(completion: Completion[Answer]) -> Decimal | None:
    price_in, price_out = settings.OPENAI_PRICE_IN, settings.OPENAI_PRICE_OUT
    tokens_in, tokens_out = completion.tokens_in, completion.tokens_out
    if price_in is None or price_out is None or tokens_in is None or tokens_out is None:
        return None
    return Decimal(tokens_in * price_in + tokens_out * price_out) / MILLION


def dispatch() -> int:
    """The job of each minute: two at once find the same slots, and make each run once."""
    with transaction.atomic():
        runs = planning.scheduled()
    if runs:
        lanes.wake(LANE)
    return len(runs)


def register() -> None:
    lease_s = settings.OPENAI_TIMEOUT_MS // 1000 + LEASE_MARGIN_S
    registry.register(WorkType(PromptRun, LANE, lease_s, apply=apply, prepare=prepare))
