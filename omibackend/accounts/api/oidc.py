"""The two addresses of the sign-in by OpenID Connect."""

from collections.abc import Callable
from typing import Any

import requests
from allauth.socialaccount.providers.openid_connect import views
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from omibackend.core.errors import error_response
from omibackend.core.logging import logger

log = logger("oidc")


def sign_in(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return _asked(views.login, request, provider_id)


def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    return _asked(views.callback, request, provider_id)


def _asked(view: Callable[..., Any], request: HttpRequest, provider_id: str) -> HttpResponseBase:
    try:
        response: HttpResponseBase = view(request, provider_id=provider_id)
    except (requests.RequestException, KeyError) as error:
        log.warning("sign-in server failed", extra={"error_class": type(error).__name__})
        return error_response(503, "sign_in_unavailable", "The sign-in server does not answer.")
    return response
