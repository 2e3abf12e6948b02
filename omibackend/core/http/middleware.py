"""What every request passes."""

import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from omibackend.core.errors import error_response, is_database_down
from omibackend.core.logging import logger
from omibackend.core.request_id import take_request_id

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = logger("request")


class RequestTrail:
    """A request id on every answer, and one log line without a query string or a token."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = take_request_id(request.META.get("HTTP_X_REQUEST_ID"))
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        took_ms = (time.perf_counter() - started) * 1000
        slow = took_ms >= settings.SLOW_REQUEST_THRESHOLD_MS
        if not slow and "X-Delivery-ID" in response:
            # Its row holds this request id and more; a line would cost a tenth of the throughput.
            return response
        match = request.resolver_match
        log.log(
            30 if slow else 20,
            "slow request" if slow else "request",
            extra={
                "method": request.method,
                # The route, not the path: a path may hold an endpoint's token.
                "route": match.route if match else None,
                "status": response.status_code,
                "took_ms": round(took_ms, 2),
            },
        )
        return response


class Failures:
    """What a view raised: logged without its request, whose path may hold a token.

    No PostgreSQL is 503 with Retry-After, for pages and senders alike.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if is_database_down(exception):
            log.error("database unavailable", exc_info=exception)
            return error_response(
                503, "unavailable", "The database cannot be reached. Try again.", retry_after_s=5
            )
        if not isinstance(exception, Http404 | PermissionDenied | SuspiciousOperation):
            log.error("unhandled", exc_info=exception)
        return None
