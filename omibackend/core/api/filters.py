"""What lists are narrowed down by, in the query of an address."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import CharField, Form
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field


class MomentField(IsoDateTimeField):  # type: ignore[misc]  # untyped
    """In UTC: PostgreSQL does not take every offset that ISO 8601 allows."""

    def to_python(self, value: Any) -> datetime | None:
        read = super().to_python(value)
        try:
            return read.astimezone(UTC) if read else None
        except OverflowError as error:
            raise ValidationError("There is no such moment.", "invalid") from error


class MomentFilter(filters.IsoDateTimeFilter):  # type: ignore[misc]  # untyped
    field_class = MomentField


def moment(description: str, lookup: str = "") -> Any:
    """A filter by a moment, documented; `lookup` is a column and how: `due_at__gte`."""
    column, _, how = lookup.rpartition("__")
    schema = {"type": "string", "format": "date-time", "description": description}
    asked = MomentFilter(field_name=column or None, lookup_expr=how or None, help_text=description)
    return extend_schema_field(schema)(asked)


def text(description: str, most_chars: int, *, strip: bool = True) -> Any:
    """A filter by words or a name, documented. An empty one asks nothing."""
    schema = {
        "type": "string",
        "maxLength": most_chars,
        "pattern": r"^[^\u0000]*$",
        "description": description,
    }
    return extend_schema_field(schema)(
        filters.CharFilter(max_length=most_chars, strip=strip, help_text=description)
    )


class _Form(Form):
    def clean(self) -> Any:
        for name, field in self.fields.items():
            if not isinstance(field, CharField) and self.data.get(name) == "":
                self.add_error(name, ValidationError("Leave it out or give a value.", "invalid"))
        return super().clean()


class ListFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    """An empty moment or choice is as wrong as any other that is none."""

    class Meta:
        form = _Form
