"""Where the admin's pages of recordings lead."""

from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from emg.models import Recording
from emg.pages.session import Links


def session(pk: Any) -> str:
    return reverse("admin:emg_recording_change", args=[pk])


def report(pk: Any, form: str) -> str:
    return f"{reverse('emg-report', args=[pk])}?format={form}"


def of(recording: Recording, user: Any) -> Links:
    return Links(
        session=session,
        signals=f"/signals/{recording.pk}/",
        picture=reverse("admin:emg_recording_picture", args=[recording.pk]),
        patient=_patient(recording),
        over_time=reverse("admin:emg_recording_over_time", args=[recording.pk]),
        rescore=_rescore(recording) if user.has_perm("emg.rescore_recording") else "",
        delivery=_delivery(recording) if user.has_perm("webhooks.view_delivery") else "",
    )


def _patient(recording: Recording) -> str:
    """The list, narrowed down to this patient."""
    if not recording.patient_code:
        return ""
    listed = reverse("admin:emg_recording_changelist")
    return f"{listed}?{urlencode({'patient': recording.patient_code})}"


def _rescore(recording: Recording) -> str:
    return reverse("admin:emg_recording_rescore", args=[recording.pk]) if recording.scores else ""


def _delivery(recording: Recording) -> str:
    """By name only: this app knows nothing of the ones above it."""
    if recording.delivery_id is None:
        return ""
    try:
        return reverse("admin:webhooks_delivery_change", args=[recording.delivery_id])
    except NoReverseMatch:
        return ""
