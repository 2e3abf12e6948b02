"""What of prompts waits for a person."""

from collections.abc import Iterator

from django.urls import reverse

from omibackend.core.manifest import Need
from omibackend.core.show.human import several
from omibackend.core.work.leased import State
from omibackend.prompts.models import PromptRun

RUNS_LOOKED_BACK = 500


def failed_prompts() -> Iterator[Need]:
    """Runs of prompts that failed for good, without their words."""
    newest = PromptRun.objects.order_by("-id").values("pk")[:RUNS_LOOKED_BACK]
    rows = PromptRun.objects.filter(pk__in=newest, state=State.DEAD).order_by("id")
    dead = list(rows.values_list("created_at", "template__name", "last_error"))
    if not dead:
        return
    names = ", ".join(sorted({f"“{name}”" for _, name, _ in dead})[:2])
    yield Need(
        tone="warn",
        symbol="auto_awesome",
        sentence=f"{several(len(dead), 'run of a prompt', 'runs of prompts')} failed",
        reason=f"{names}: {dead[-1][2] or 'no error was recorded'}".rstrip("."),
        since=dead[0][0],
        verb="Look",
        link=f"{reverse('admin:prompts_promptrun_changelist')}?state__exact={State.DEAD}",
    )
