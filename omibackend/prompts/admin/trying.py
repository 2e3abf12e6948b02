"""Trying a prompt out: what it would send, what the model says to it, or a real run at once."""

from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from omibackend.accounts.models import User
from omibackend.core.errors import OmiError
from omibackend.core.work import lanes
from omibackend.llm.prompt import filled
from omibackend.prompts import booking, jobs, material, outputs, planning
from omibackend.prompts.admin.page import cost_of
from omibackend.prompts.booking import Wanted
from omibackend.prompts.models import PromptRun, PromptTemplate

MOST_PEOPLE = 500
NOTHING_YET = "This person has no conversation or memory yet that it could be about."
BUSY = "Somebody else is trying a prompt right now. Try again in a few seconds."
# A model call holds a web thread: one at a time is enough for trying.
_slot = BoundedSemaphore(1)


@dataclass(frozen=True)
class Tried:
    rendered: str = ""
    answer: str = ""
    cost: str = ""
    took_ms: float | None = None
    error: str = ""


class TryForm(forms.Form):
    person = forms.ModelChoiceField(
        User.objects.none(), empty_label=None, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, template: PromptTemplate, **options: Any) -> None:
        super().__init__(*args, **options)
        people = User.objects.filter(is_active=True).order_by("email")
        if template.owner_id:
            people = people.filter(pk=template.owner_id)
        newest = people.values("pk")[:MOST_PEOPLE]
        self.fields["person"].queryset = User.objects.filter(pk__in=newest).order_by("email")  # type: ignore[attr-defined]


def view(request: HttpRequest, template: PromptTemplate, context: dict[str, Any]) -> HttpResponse:
    form = TryForm(request.POST or None, template=template, initial={"person": request.user.pk})
    tried: Tried | None = None
    if request.method == "POST" and form.is_valid():
        person, wish = form.cleaned_data["person"], request.POST.get("do")
        wanted = planning.by_hand(template, person.pk)
        if wish == "run":
            return run_now(request, template, wanted)
        tried = Tried(error=NOTHING_YET)
        if wanted is not None:
            run = PromptRun(template=template, person=person)  # never stored
            run.cause, run.subject_id = wanted.cause, wanted.subject_id
            tried = ask(run) if wish == "ask" else show(run)
    page = {"template": template, "form": form, "tried": tried}
    title = f"Try “{template.name}”"
    return TemplateResponse(
        request,
        "admin/prompts/prompttemplate/try.html",
        {**context, "original": template, "title": title, "page": page},
    )


def show(run: PromptRun) -> Tried:
    try:
        return Tried(rendered=filled(run.template.prompt, material.gather(run).values))
    except material.NotRun as error:
        return Tried(error=str(error))


def ask(run: PromptRun) -> Tried:
    if not _slot.acquire(blocking=False):
        return Tried(error=BUSY)
    try:
        result = jobs.ask(run)
    except OmiError as error:
        return Tried(error=str(error))
    finally:
        _slot.release()
    completion = result.completion
    if completion is None:
        return Tried(rendered=result.rendered, error=result.why_not)
    return Tried(
        rendered=result.rendered,
        answer=outputs.as_text(completion.value) or jobs.NOTHING_SAID,
        cost=cost_of(jobs.cost(completion), completion.tokens_in, completion.tokens_out),
        took_ms=completion.took_ms,
    )


def run_now(request: HttpRequest, template: PromptTemplate, wanted: Wanted | None) -> HttpResponse:
    if wanted is None:
        messages.warning(request, NOTHING_YET)
        return redirect(reverse("admin:prompts_prompttemplate_try", args=[template.pk]))
    with transaction.atomic():
        (run,) = booking.insert([wanted])
    lanes.wake(jobs.LANE)
    return redirect(reverse("admin:prompts_promptrun_change", args=[run.pk]))
