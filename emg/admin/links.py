"""Where the admin's pages of recordings lead."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from emg.models import Recording
from emg.pages.session import Links
from omibackend.core.admin.links import admin_link


def session(pk: Any) -> str:
    return reverse("admin:emg_recording_change", args=[pk])


def report(pk: Any, form: str) -> str:
    return f"{reverse('emg-report', args=[pk])}?format={form}"


def of(recording: Recording, user: Any) -> Links:
    rescores = recording.scores and user.has_perm("emg.rescore_recording")
    sees_delivery = recording.delivery_id and user.has_perm("webhooks.view_delivery")
    return Links(
        session=session,
        signals=f"/signals/{recording.pk}/",
        picture=admin_link("emg_recording_picture", recording.pk),
        patient=_patient(recording),
        over_time=admin_link("emg_recording_over_time", recording.pk),
        rescore=admin_link("emg_recording_rescore", recording.pk) if rescores else "",
        delivery=(
            admin_link("webhooks_delivery_change", recording.delivery_id) if sees_delivery else ""
        ),
    )


def _patient(recording: Recording) -> str:
    """The list, narrowed down to this patient."""
    if not recording.patient_code:
        return ""
    listed = reverse("admin:emg_recording_changelist")
    return f"{listed}?{urlencode({'patient': recording.patient_code})}"
