"""The few exceptions that carry a decision, and the one shape of an error answer."""

from typing import ClassVar

import orjson
from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError as PlainDatabaseError
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from pydantic import ValidationError

from omibackend.core.request_id import current_request_id


class OmiError(Exception):
    """Something went wrong in a way that we understand; the message is safe to store and show."""

    retryable: ClassVar[bool] = True


class SetAside(OmiError):
    """The work can never succeed as it stands: trying again would change nothing."""

    retryable = False


class Refused(OmiError):
    """A request that is answered with an error: status, code and what to mend."""

    retryable = False

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        attr: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.attr = attr
        self.retry_after_s = retry_after_s

    def response(self) -> HttpResponse:
        return error_response(
            self.status,
            self.code,
            self.detail,
            attr=self.attr,
            retry_after_s=self.retry_after_s,
        )


def error_response(
    status: int,
    code: str,
    detail: str,
    *,
    attr: str | None = None,
    retry_after_s: int | None = None,
) -> HttpResponse:
    """The shape of drf-standardized-errors, for answers that are not made by a DRF serializer."""
    kind = "server_error" if status >= 500 else "client_error"
    body = {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
    response = HttpResponse(orjson.dumps(body), content_type="application/json", status=status)
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    return response


def server_error_entry() -> dict[str, str | None]:
    detail = f"Something went wrong on our side. Request id: {current_request_id()}"
    return {"code": "error", "detail": detail, "attr": None}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return error_response(413, "too_large", "The body is larger than MAX_REQUEST_SIZE.")
    return error_response(400, "bad_request", "The request could not be understood.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    body = {"type": "server_error", "errors": [server_error_entry()]}
    return HttpResponse(orjson.dumps(body), content_type="application/json", status=500)


def describe(error: BaseException) -> str:
    """What may be stored and logged of an error: never the values that it was about.

    PostgreSQL quotes the failing row and pydantic the bad input, so of those only the
    part written by the library is kept; of errors that we do not know, only the class.
    """
    name = type(error).__name__
    if isinstance(error, OmiError):
        return str(error)
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_context=False, include_url=False)
        first = found[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{where}: {first['msg']}{more}"
    if isinstance(error, DatabaseError):
        diagnostics = getattr(error.__cause__, "diag", None)
        primary = getattr(diagnostics, "message_primary", None)
        return f"{name}: {primary}" if primary else name
    return name


def is_database_down(error: BaseException) -> bool:
    """psycopg2 raises a plain DatabaseError, not an OperationalError, when the server breaks off
    in the middle of a message, as at an immediate shutdown."""
    return isinstance(error, OperationalError | InterfaceError) or (
        type(error) is PlainDatabaseError
    )
