from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from omibackend.core.admin.lists import PageAdmin
from omibackend.core.show import human
from omibackend.core.templatetags.ob import cell, chip
from omibackend.prompts.admin import trying
from omibackend.prompts.admin.page import NOTHING, cost_of, newest_runs, success_of, with_figures
from omibackend.prompts.models import PromptTemplate, Trigger
from omibackend.prompts.variables import VARIABLES

# A slot that passed before one of these changed is none of the new schedule's.
STARTS_ANEW = frozenset({"enabled", "trigger", "cron", "owner"})
KNOWN = "; ".join(f"{{{name}}} {words}" for name, (_, words) in VARIABLES.items())


class PromptTemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = PromptTemplate
        fields = (
            *("name", "enabled", "owner", "output", "trigger", "cron", "prompt"),
            *("most_input_chars", "most_runs_per_day"),
        )
        labels = {
            "owner": "Person",
            "cron": "When",
            "most_input_chars": "Characters of data, at most",
            "most_runs_per_day": "Runs a day, at most",
        }
        help_texts = {
            "owner": "Whose conversations and memories. Empty: everybody's.",
            "output": "What the model's answer becomes.",
            "cron": "Only by the clock: five fields on each person's own clock, such as "
            "0 8 * * mon-fri.",
            "prompt": f"The instruction. It may hold: {KNOWN}.",
            "most_input_chars": "Of all variables together; what is longer loses its middle.",
            "most_runs_per_day": "For each person.",
        }


@admin.register(PromptTemplate)
class PromptTemplateAdmin(PageAdmin):
    form = PromptTemplateForm
    list_display = ("what", "when", "last", "today", "success", "spent")
    list_filter = ("enabled", "trigger", "output")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("name",)
    change_form_outer_before_template = "admin/prompts/prompttemplate/before.html"
    actions_detail = ("try_out",)
    unused_buttons = ("show_save_and_add_another",)
    fieldsets = (
        (
            "Prompt",
            {
                "fields": (
                    ("name", "enabled"),
                    ("trigger", "cron"),
                    ("owner", "output"),
                    "prompt",
                    ("most_input_chars", "most_runs_per_day"),
                )
            },
        ),
    )

    # --- the list ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromptTemplate]:
        return with_figures(super().get_queryset(request))

    @admin.display(description="prompt", ordering="name")
    def what(self, row: PromptTemplate) -> SafeString:
        return cell(row.name, row.owner or "everybody", row.get_output_display())

    @admin.display(description="trigger", ordering="trigger")
    def when(self, row: PromptTemplate) -> SafeString | str:
        if not row.enabled:
            return chip("mute", "toggle_off", "switched off")
        by_clock = row.trigger == Trigger.SCHEDULE
        return f"by the clock: {row.cron}" if by_clock else row.get_trigger_display()

    @admin.display(description="last run")
    def last(self, row: Any) -> str:
        return human.ago(row.last_at) if row.last_at else "never"

    @admin.display(description="24 hours")
    def today(self, row: Any) -> str:
        return human.several(row.today, "run") if row.today else NOTHING

    @admin.display(description="succeeded, 30 days")
    def success(self, row: Any) -> SafeString | str:
        found = success_of(row.well, row.failed)
        return chip(*found) if found else NOTHING

    @admin.display(description="cost, 30 days")
    def spent(self, row: Any) -> str:
        return cost_of(row.sum_cost, row.sum_in, row.sum_out)

    # --- one prompt -------------------------------------------------------------

    def page_context(self, row: PromptTemplate, request: HttpRequest) -> dict[str, Any]:
        sees_runs = request.user.has_perm("prompts.view_promptrun")
        runs = newest_runs(row) if sees_runs else []
        return {"page": {"template": row, "runs": runs, "sees_runs": sees_runs}}

    def save_model(self, request: HttpRequest, obj: PromptTemplate, form: Any, change: Any) -> None:
        if not change:
            super().save_model(request, obj, form, change)
        elif form.changed_data:
            obj.save(update_fields=form.changed_data)
        if change and STARTS_ANEW & set(form.changed_data):
            PromptTemplate.objects.filter(pk=obj.pk).update(active_since=Now())

    # --- trying -----------------------------------------------------------------

    def has_try_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """A try shows what people said, and a run costs money."""
        allowed = request.user.has_perms(
            ["prompts.change_prompttemplate", "prompts.read_promptrun"]
        )
        return bool(allowed and settings.ENABLE_PROMPT_WORKERS)

    @action(description="Try or run", icon="science", permissions=["try"], url_path="try-out")
    def try_out(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect(reverse("admin:prompts_prompttemplate_try", args=[object_id]))

    def get_urls(self) -> list[URLPattern]:
        own = path(
            "<uuid:pk>/try/",
            self.admin_site.admin_view(self.try_view),
            name="prompts_prompttemplate_try",
        )
        return [own, *super().get_urls()]

    def try_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        if not self.has_try_permission(request):
            raise PermissionDenied
        template = get_object_or_404(PromptTemplate.objects.select_related("owner"), pk=pk)
        context = {**self.admin_site.each_context(request), "opts": self.opts}
        return trying.view(request, template, context)
