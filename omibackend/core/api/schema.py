"""The API's description."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import force_instance
from rest_framework.serializers import CharField


def without_last_slash(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[Any, ...]]:
    """Routes answer with and without a last slash; the description names them without."""
    return [(path.rstrip("/") or "/", *rest) for path, *rest in endpoints]


NO_NUL = r"[^\u0000]"
# What Python strips. JavaScript's \s is another set, and so is that of many a client.
NOT_BLANK = (
    r"[^\u0000\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)


class Exactly(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """What a `Strict` serializer refuses, a client can know beforehand: other fields, NUL, and
    blank text where there must be some."""

    target_class = "omibackend.core.api.serializers.Strict"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> Any:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        for name, field in force_instance(self.target).fields.items():  # type: ignore[no-untyped-call]
            told = schema["properties"].get(name, {})
            if isinstance(field, CharField) and not {"$ref", "enum", "format", "pattern"} & set(
                told
            ):
                told["pattern"] = _pattern(field)
        return {**schema, "additionalProperties": False}


def _pattern(field: CharField) -> str:
    if field.allow_blank:
        return f"^{NO_NUL}*$"
    if field.trim_whitespace:
        return f"^{NO_NUL}*{NOT_BLANK}{NO_NUL}*$"
    return f"^{NO_NUL}+$"
