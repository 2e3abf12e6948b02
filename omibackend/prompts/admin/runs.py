from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant

from omibackend.core.admin.lists import PageAdmin, ReadOnlyAdmin, back_to, is_among
from omibackend.core.show import human
from omibackend.core.templatetags.ob import cell, chip
from omibackend.core.work import lanes, leased
from omibackend.core.work.leased import State
from omibackend.prompts import jobs
from omibackend.prompts.admin.page import NOTHING, chip_of, cost_of, made_of, page, why_of
from omibackend.prompts.models import Outcome, PromptRun

# What made something is not run again: that would make it twice.
AGAIN = Q(state=State.DEAD) | Q(outcome__in=[Outcome.NOT_RUN, Outcome.NOTHING])


def run_again(rows: QuerySet[PromptRun]) -> int:
    """Puts runs that made nothing back to the start and wakes their lane: the admin is the edge."""
    with transaction.atomic():
        chosen = list(rows.filter(AGAIN).select_for_update().values_list("pk", flat=True))
        found = PromptRun.objects.filter(pk__in=chosen)
        found.update(outcome=Outcome.OPEN, why="")
        number = leased.replay(found)
    if number:
        lanes.wake(jobs.LANE)
    return number


@admin.register(PromptRun)
class PromptRunAdmin(PageAdmin, ReadOnlyAdmin):
    list_display = ("what", "state_now", "made", "spent", "began")
    list_filter = ("state", "outcome", "template")
    list_max_show_all = 50
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    actions = ("run_selected_again",)
    actions_detail = ("again",)
    change_form_template = "admin/prompts/promptrun/page.html"
    fields = ("cause",)

    # --- the list ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptRun]:
        return PromptRun.objects.select_related("template", "person")

    @admin.display(description="run", ordering="id")
    def what(self, run: PromptRun) -> SafeString:
        return cell(run.template.name, run.person)

    @admin.display(description="state")
    def state_now(self, run: PromptRun) -> SafeString:
        return format_html(
            '<span class="ob-what">{} <span class="ob-second">{}</span></span>',
            chip(*chip_of(run)),
            why_of(run),
        )

    @admin.display(description="made")
    def made(self, run: PromptRun) -> str:
        return made_of(run)

    @admin.display(description="cost")
    def spent(self, run: PromptRun) -> str:
        took = f" · {human.span(run.took_ms / 1000)}" if run.took_ms is not None else ""
        return cost_of(run.cost, run.tokens_in, run.tokens_out) + took if took else NOTHING

    @admin.display(description="set off", ordering="id")
    def began(self, run: PromptRun) -> str:
        return f"{human.clock(run.created_at)} · {human.ago(run.created_at)}"

    # --- one run ----------------------------------------------------------------

    def page_context(self, row: PromptRun, request: HttpRequest) -> dict[str, Any]:
        return {"page": page(row, request.user)}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the row is what keeps a replay from running it again

    def has_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("prompts.change_prompttemplate"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        able = is_among(PromptRun.objects.filter(AGAIN), object_id)
        return super().get_actions_detail(request, object_id) if able else []

    @action(
        description="Run again",
        icon="replay",
        variant=ActionVariant.PRIMARY,
        permissions=["again"],
        url_path="again",
        dialog={
            "title": "Run this again?",
            "description": "The model is asked anew, with the prompt and the data as they are now.",
            "form_class": None,
            "form_submit_text": "Run again",
        },
    )
    def again(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        self._again(request, PromptRun.objects.filter(pk=object_id))
        return back_to(request, reverse("admin:prompts_promptrun_change", args=[object_id]))

    @admin.action(description="Run again", permissions=["again"])
    def run_selected_again(self, request: HttpRequest, queryset: QuerySet[PromptRun]) -> None:
        self._again(request, PromptRun.objects.filter(pk__in=[row.pk for row in queryset]))

    def _again(self, request: HttpRequest, rows: QuerySet[PromptRun]) -> None:
        number = run_again(rows)
        if number:
            self.message_user(request, f"{human.several(number, 'run')} will be tried again.")
            return
        said = "Nothing was run again: it runs right now, or has made something already."
        self.message_user(request, said, messages.WARNING)
