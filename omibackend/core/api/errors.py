"""Errors of the REST framework in the one shape; apart from `errors`, which models import."""

from typing import Any

from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import ErrorResponse
from rest_framework.exceptions import APIException

from omibackend.core.errors import Refused, server_error_entry


class ErrorFormatter(ExceptionFormatter):
    """A 5xx tells nothing but the request id."""

    def format_error_response(self, error_response: ErrorResponse) -> Any:
        answer = super().format_error_response(error_response)
        if self.exc.status_code >= 500:
            answer["errors"] = [server_error_entry()]
        return answer


class KnownErrors(ExceptionHandler):
    """DRF's own errors and ours in one shape. Any other goes on to core.middleware, which logs it
    and knows when the database is away."""

    def run(self) -> Any:
        if isinstance(self.exc, Refused):
            return self.exc.response()
        return super().run()

    def should_not_handle(self, exc: Exception) -> bool:
        return not isinstance(exc, APIException)
