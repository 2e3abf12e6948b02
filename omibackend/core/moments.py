"""Moments that lists are narrowed down by."""

from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
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


def moment(description: str) -> Any:
    """A filter by a moment, documented."""
    schema = {"type": "string", "format": "date-time", "description": description}
    return extend_schema_field(schema)(MomentFilter(help_text=description))
