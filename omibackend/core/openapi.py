"""What every operation of the API's documentation has in common."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

SENT = ("POST", "PUT", "PATCH")


class ErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="the field or parameter to mend")


class ErrorsSerializer(serializers.Serializer[Any]):
    """The one shape of an error."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors: Any = ErrorSerializer(many=True)


class Schema(AutoSchema):
    """With the errors that an operation can answer: all in one shape, whichever the status."""

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if direction == "response":
            for status in self._error_statuses():
                if status not in bodies:
                    errors: Any = self._get_response_for_code(ErrorsSerializer, status)  # type: ignore[no-untyped-call]
                    bodies[status] = errors
        return bodies

    def _error_statuses(self) -> list[str]:
        found = ["405", "406", "500", "503"]
        parameters = {parameter["in"] for parameter in self._get_parameters()}
        if self.method in SENT or "query" in parameters:
            found.append("400")
        if self.method in SENT:
            found += ["413", "415"]
        if "path" in parameters:
            found.append("404")
        if any(self.get_auth()):
            found += ["401", "403"]
        if self.view.get_throttles():
            found.append("429")
        return sorted(found)


class Bearer(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "omibackend.accounts.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
