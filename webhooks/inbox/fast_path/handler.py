"""Django's WSGI handler and the ends of its middleware, with a shorter way for webhooks."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Handler(WSGIHandler):
    """Of the work of the signals around a request only one part matters for webhooks: a kept
    connection that has died is found out. The acknowledgement's own is tried again instead."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        if not settings.WEBHOOK_PATHS.match(environ["PATH_INFO"]):
            return super().__call__(environ, start_response)
        connections["default"].close_if_unusable_or_obsolete()
        response: Any = self.get_response(self.request_class(environ))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]


class PagesEnd:
    """Stands last. What it is given is the view itself, without any middleware."""

    view: ClassVar[GetResponse]

    def __init__(self, get_response: GetResponse) -> None:
        # A chain is built from its end, so the PagesOnly of the same chain finds this one.
        PagesEnd.view = self.get_response = staticmethod(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class PagesOnly:
    """Lets requests under WEBHOOK_PATHS past the middleware behind it: they carry no session."""

    def __init__(self, get_response: GetResponse) -> None:
        self.pages = get_response
        self.webhooks = PagesEnd.view

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.WEBHOOK_PATHS.match(request.path_info):
            return self.webhooks(request)
        return self.pages(request)
