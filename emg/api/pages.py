"""A recording's pages for its owner, outside the admin and read-only; staff with the right to it
may look too."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from emg.models import Recording
from emg.pages import original
from emg.pages import over_time as comparing
from emg.pages import picture as drawing
from emg.pages import session as showing
from emg.pages.session import Links
from emg.recordings import scoring
from emg.recordings.registry import find, visible_to
from omibackend.core.errors import Refused

SIGNALS = "emg.view_signal"
View = Callable[[HttpRequest, Recording], HttpResponseBase]


def seen(permission: str) -> Callable[[View], Callable[..., HttpResponseBase]]:
    """Another's recording is not there."""

    def decorate(view: View) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, session_id: str) -> HttpResponseBase:
            rows = visible_to(request.user, permission).select_related("owner", "profile")
            recording = find(rows, session_id)
            if recording is None:
                raise Http404
            try:
                return view(request, recording)
            except Refused as error:
                return error.response()

        return require_safe(login_required(guarded))

    return decorate


def _session(pk: Any) -> str:
    return reverse("emg-session", args=[pk])


def _links(recording: Recording) -> Links:
    pk = recording.pk
    report = reverse("emg-report", args=[pk])
    return Links(
        session=_session,
        signals=f"/signals/{pk}/",
        picture=reverse("emg-picture", args=[pk]),
        over_time=reverse("emg-over-time", args=[pk]) if recording.patient_code else "",
        csv=f"{report}?format=csv",
        pdf=f"{report}?format=pdf",
        original=reverse("emg-file", args=[pk]),
    )


def _rendered(request: HttpRequest, template: str, page: Any, title: str) -> HttpResponse:
    """In the colours of the admin, and with nothing else of it."""
    shell = admin.site.each_context(request)
    colours = {name: shell[name] for name in ("colors", "border_radius")}
    return render(request, template, {**colours, "page": page, "title": title})


@seen("emg.view_recording")
def session(request: HttpRequest, recording: Recording) -> HttpResponse:
    is_own = recording.owner_id == request.user.pk
    may_see = is_own or request.user.has_perm(SIGNALS)
    page = showing.page(recording, links=_links(recording), may_see_signals=may_see)
    return _rendered(request, "emg/alone_session.html", page, page["title"])


@seen("emg.view_recording")
def over_time(request: HttpRequest, recording: Recording) -> HttpResponse:
    page = comparing.over_time(recording, scoring.profile_of(recording), _session)
    return _rendered(
        request, "emg/alone_over_time.html", page, f"{recording.patient_code} over time"
    )


@seen(SIGNALS)
def picture(request: HttpRequest, recording: Recording) -> HttpResponse:
    return drawing.picture(recording, request.GET.get("channel", ""))


@seen(SIGNALS)
def file(request: HttpRequest, recording: Recording) -> HttpResponseBase:
    return original.original_file(recording)
