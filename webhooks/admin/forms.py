from typing import Any

from django import forms
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from omibackend.core.errors import Refused
from webhooks.inbox import endpoints
from webhooks.models import Endpoint
from webhooks.providers.registry import PROVIDERS, settings_of


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]
    provider = forms.ChoiceField(
        label="Sender",
        choices=[(provider.name, provider.label) for provider in PROVIDERS.values()],
        widget=UnfoldAdminSelectWidget,
    )

    settings = forms.JSONField(required=False, widget=UnfoldAdminTextareaWidget)

    class Meta:
        model = Endpoint
        fields = (
            *("name", "provider", "owner", "policy", "rate_limit_per_minute", "enabled"),
            *("shared", "settings"),
        )
        help_texts = {
            "owner": "Whose data the deliveries become.",
            "policy": "What a request must prove itself by.",
            "rate_limit_per_minute": "Empty: no limit.",
            "enabled": "Switched off, it refuses within a few seconds.",
            "shared": "For an app in the sender's store: a delivery becomes the data of the person "
            "whose account its uid is linked to, never the owner's. It cannot be changed later.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if field := self.fields.get("settings"):
            known = settings_of(self.instance)
            field.help_text = f"A JSON object with any of: {', '.join(known.model_fields)}."
            self.initial["settings"] = endpoints.shown_settings(self.instance, known)

    def clean_settings(self) -> dict[str, Any]:
        given = self.cleaned_data["settings"] or {}
        if not isinstance(given, dict):
            raise forms.ValidationError("This must be a JSON object.")
        try:
            return endpoints.checked_settings(self.instance, given, settings_of(self.instance))
        except Refused as refused:
            raise forms.ValidationError(refused.detail) from refused

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        provider = PROVIDERS.get(str(self.cleaned_data.get("provider")))
        if self.cleaned_data.get("shared") and not (provider and provider.place):
            self.add_error("shared", "This sender does not say whom a delivery is about.")
        return cleaned


class RotateForm(BaseDialogForm):
    secret = forms.CharField(
        label="New secret of the sender",
        required=False,
        min_length=endpoints.LEAST_SECRET_CHARS,
        help_text="If the sender made one, paste it. Empty: one is made here and shown once.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
