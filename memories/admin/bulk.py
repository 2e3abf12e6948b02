"""Marks for many memories at once: first which, then the deed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from memories.models import By, Memory
from memories.saving.bulk import Action, Chosen, as_previewed, carry_out, choose, others
from omibackend.core.errors import Refused
from omibackend.core.show.human import several

LABELS = {
    Action.PIN: "Pin",
    Action.UNPIN: "Unpin",
    Action.PRIVATE: "Keep private",
    Action.PUBLIC: "Keep private no longer",
    Action.WRONG: "Mark as wrong",
    Action.RIGHT: "Mark as right",
}
SAMPLE_ROWS = 10
NAMES = ("memory", "memories")


def _mark(
    action: Action, model_admin: Any, request: HttpRequest, queryset: QuerySet[Memory]
) -> HttpResponse | None:
    meant = others(Memory.objects.filter(pk__in=queryset.order_by().values("pk")), action)
    if "expected" not in request.POST:
        return _preview(model_admin, request, choose(meant), action)
    with transaction.atomic():
        chosen = choose(meant)
        try:
            as_previewed(chosen, int(request.POST["expected"]))
        except (Refused, ValueError):
            return _preview(model_admin, request, chosen, action)
        mine = all(memory.owner_id == request.user.pk for memory in chosen.memories)
        changed = carry_out(chosen, action, by=By.OWNER if mine else By.STAFF)
        user: Any = request.user.pk
        LogEntry.objects.log_actions(user, chosen.memories, CHANGE, f"{LABELS[action]}.")
    model_admin.message_user(request, f"{LABELS[action]}: {several(changed, *NAMES)}.")
    return None


def _preview(
    model_admin: Any, request: HttpRequest, chosen: Chosen, action: Action
) -> HttpResponse:
    sample = Memory.objects.filter(pk__in=[each.pk for each in chosen.memories[:SAMPLE_ROWS]])
    page = {
        "action": action.value,
        "label": LABELS[action],
        "count": chosen.count,
        "said": several(chosen.count, *NAMES),
        "more": chosen.more,
        "sample": sample.select_related("owner"),
        "selected": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "across": request.POST.get("select_across", "0"),
        "listed": request.get_full_path(),
    }
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": LABELS[action],
        "page": page,
    }
    return TemplateResponse(request, "admin/memories/memory/bulk.html", context)


def _action(action: Action) -> Callable[..., HttpResponse | None]:
    run: Any = partial(_mark, action)
    run.__name__ = f"mark_{action.value}"  # what the form sends
    return admin.action(description=LABELS[action], permissions=["change"])(run)  # type: ignore[no-any-return]


ACTIONS = [_action(action) for action in LABELS]
