"""Serializers that refuse what they do not know instead of guessing what was meant."""

import re
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

NOT_A_NAME = "There is a field that this route does not know."
# What DRF would convert: "yes" to true, 12.0 to 12, 5 to "5".
KINDS: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], str], ...] = (
    (serializers.BooleanField, (bool,), "Must be true or false."),
    (serializers.IntegerField, (int,), "Must be a whole number."),
    (serializers.FloatField, (int, float), "Must be a number."),
    (serializers.ListField, (list,), "Must be a list."),
    (serializers.CharField, (str,), "Must be a string."),
    (serializers.ChoiceField, (str,), "Must be a string."),
    (serializers.UUIDField, (str,), "Must be a string."),
    (serializers.DateTimeField, (str,), "Must be a string."),
)


class ProblemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True)  # the field that it is about


class ErrorsSerializer(serializers.Serializer[Any]):
    """What every refusal looks like; each route's own codes would drown the description."""

    type = serializers.ChoiceField(["validation_error", "client_error", "server_error"])
    errors = ProblemSerializer(many=True)  # type: ignore[assignment]


# Unknown fields and wrong types are errors; `schema` says so. (A docstring would stand in the
# API's description.)
class Strict(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            errors = self._unknown(data) | self._wrong(data)
            if errors:
                raise ValidationError(errors)
        return super().to_internal_value(data)

    def _unknown(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        """Echoes a name only if it looks like one: it may hold anything, even half a character."""
        known = {name for name, field in self.fields.items() if not field.read_only}
        unknown = [name for name in data if name not in known]
        plain = [name for name in unknown if re.fullmatch(r"[A-Za-z0-9_]{1,60}", name)]
        errors = {name: ["There is no such field."] for name in plain}
        if len(plain) < len(unknown):
            errors["non_field_errors"] = [NOT_A_NAME]
        return errors

    def _wrong(self, data: Mapping[str, Any]) -> dict[str, list[str]]:
        errors = {}
        for name, field in self.fields.items():
            value = data.get(name)
            words = None if value is None else _mismatch(field, value)
            if words:
                errors[name] = [words]
        return errors


def _mismatch(field: Any, value: Any) -> str | None:
    for kind, types, words in KINDS:
        if isinstance(field, kind):
            fits = isinstance(value, types) and (bool in types or not isinstance(value, bool))
            inside = isinstance(value, list) and isinstance(field, serializers.ListField)
            if fits and inside:
                found = (_mismatch(field.child, item) for item in value)  # type: ignore[attr-defined]
                return next((each for each in found if each), None)
            return _too_long(field, value) if fits else words
    return None


def _too_long(field: Any, value: Any) -> str | None:
    """Before the blanks around it are taken away."""
    most = getattr(field, "max_length", None)
    if isinstance(value, str) and most is not None and len(value) > most:
        return f"Must be no longer than {most} characters."
    return None
