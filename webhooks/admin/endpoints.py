from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from omibackend.core.admin.lists import PageAdmin, back_to, is_among
from omibackend.core.show import human
from omibackend.core.templatetags.ob import cell, chip
from webhooks.admin import health
from webhooks.admin.forms import EndpointForm, RotateForm
from webhooks.admin.traffic import with_newest
from webhooks.inbox import endpoints
from webhooks.inbox.provider import SenderSettings
from webhooks.models import Delivery, Endpoint
from webhooks.providers.registry import PROVIDERS, settings_of


@admin.register(Endpoint)
class EndpointAdmin(PageAdmin):
    form = EndpointForm
    list_display = ("what", "health_now", "last", "owner")
    list_filter = ("enabled", "policy")
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("name",)
    fieldsets = (
        (
            "Settings",
            {
                "fields": (
                    ("name", "provider"),
                    ("owner", "policy"),
                    ("rate_limit_per_minute", "enabled"),
                    "shared",
                )
            },
        ),
    )
    change_form_outer_before_template = "admin/webhooks/endpoint/before.html"
    unused_buttons = ("show_save_and_add_another", "show_save_and_continue")
    actions_detail = ("rotate_secret", "retire_old_secret", "new_token")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        return with_newest(Endpoint.objects.all())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("provider", "shared") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The sender's own settings, once the sender is chosen, if it has any."""
        if obj is None or settings_of(obj) is SenderSettings:
            return self.fieldsets
        return (*self.fieldsets, ("Of this sender", {"fields": ("settings",)}))

    # --- the list ---------------------------------------------------------------

    @admin.display(description="Endpoint", ordering="name")
    def what(self, row: Endpoint) -> SafeString:
        provider = PROVIDERS.get(row.provider)
        label = provider.label if provider else row.provider
        return cell(row.name, label, f"…{row.token_hint}")

    @admin.display(description="Health")
    def health_now(self, row: Any) -> SafeString:
        return chip(*health.chip_of(row, row.last_at, row.last_error))

    @admin.display(description="Last delivery")
    def last(self, row: Any) -> str:
        return human.ago(row.last_at) if row.last_at else "never"

    # --- one endpoint -----------------------------------------------------------

    def page_context(self, row: Endpoint, request: HttpRequest) -> dict[str, Any]:
        return {"page": health.page(row, request.user)}

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"owner": request.user.pk}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its deliveries would go with it: what was used is switched off instead."""
        unused = obj is not None and not Delivery.objects.filter(endpoint=obj).exists()
        return unused and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            obj.made_token = endpoints.create(obj).token

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._once(
            request,
            obj,
            "This is its address",
            "Copy it now: it is shown this once, only a hash of it is kept.",
            {**address_of(request, obj, obj.made_token), **secret_of(obj)},
        )

    def _once(
        self, request: HttpRequest, endpoint: Endpoint, title: str, text: str, shown: dict[str, str]
    ) -> HttpResponse:
        """What can never be read again. After a dialog it takes the place of the page: no click
        beside it makes it vanish."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": endpoint,
            "title": title,
            "page": {
                "title": title,
                "text": text,
                "shown": shown,
                "link": reverse("admin:webhooks_endpoint_change", args=[endpoint.pk]),
            },
        }
        response = TemplateResponse(request, "admin/webhooks/endpoint/once.html", context)
        for name, value in (("Retarget", "#main"), ("Reselect", "#main"), ("Reswap", "outerHTML")):
            response[f"HX-{name}"] = value
        return response

    # --- secrets ----------------------------------------------------------------

    @action(
        description="Rotate secret",
        icon="key",
        permissions=["change"],
        url_path="rotate-secret",
        dialog={
            "title": "Rotate the signing secret?",
            "description": "The secret of now stays valid beside the new one until you retire it, "
            "so that nothing is refused meanwhile.",
            "form_class": RotateForm,
            "form_submit_text": "Rotate",
        },
    )
    def rotate_secret(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = get_object_or_404(Endpoint, pk=object_id)
        given = form.cleaned_data["secret"].strip()
        endpoint = endpoints.rotate(endpoint, secret=given or endpoints.new_secret()).endpoint
        self.log_change(request, endpoint, "Rotated the signing secret.")
        return self._once(
            request,
            endpoint,
            "The secret is rotated",
            "Give it to the sender, then retire the old one."
            if not given
            else "Once the sender signs with it, retire the old one.",
            {} if given else secret_of(endpoint),
        )

    @action(
        description="Retire old secret",
        icon="key_off",
        permissions=["change"],
        url_path="retire-old-secret",
        dialog={
            "title": "Retire the old secret?",
            "description": "From then on a request that is signed with it is refused, and the "
            "refusal says so.",
            "form_class": None,
            "form_submit_text": "Retire",
        },
    )
    def retire_old_secret(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = get_object_or_404(Endpoint, pk=object_id)
        endpoints.end_overlap(endpoint, token=False)
        self.log_change(request, endpoint, "Retired the old signing secret.")
        self.message_user(request, "The old secret is no longer accepted.")
        return back_to(request, reverse("admin:webhooks_endpoint_change", args=[object_id]))

    @action(
        description="New token",
        icon="autorenew",
        permissions=["change"],
        url_path="new-token",
        dialog={
            "title": "Make a new token?",
            "description": "The address of now stops working within a few seconds. The sender "
            "needs the new one.",
            "form_class": None,
            "form_submit_text": "Make a new token",
        },
    )
    def new_token(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        endpoint = get_object_or_404(Endpoint, pk=object_id)
        made = endpoints.rotate(endpoint, new_token=True, overlap=timedelta(0))
        self.log_change(request, endpoint, "Made a new token.")
        return self._once(
            request,
            endpoint,
            "This is its new address",
            "Copy it now: it is shown this once, only a hash of it is kept.",
            address_of(request, endpoint, str(made.token)),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Without an old secret that is live there is nothing to retire."""
        found = super().get_actions_detail(request, object_id)
        if is_among(Endpoint.objects.filter(previous_secret_live=True), object_id):
            return found  # type: ignore[no-any-return]
        return [one for one in found if not one.action_name.endswith("retire_old_secret")]


def address_of(request: HttpRequest, endpoint: Endpoint, token: str) -> dict[str, str]:
    """Under the host that staff reach this installation by: senders mostly reach it so too."""
    url = request.build_absolute_uri(f"/webhooks/{endpoint.provider}/{token}/")
    command = PROVIDERS[endpoint.provider].first().curl(url)
    return {"Address": url, "Token": token, "Try it": command}


def secret_of(endpoint: Endpoint) -> dict[str, str]:
    return {"Signing secret": endpoint.secret} if endpoint.secret else {}
