"""What tables have in common."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet

from omibackend.core.postgres.ids import uuid7

Row = TypeVar("Row", bound=models.Model)


class UUIDModel(models.Model):
    """Rows with a time-ordered id, called by what they are and the end of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {str(self.pk)[-8:]}".capitalize()


class LightManager(models.Manager[Row]):
    """Leaves the search vector in the database: it is as long as the text it was made from."""

    def get_queryset(self) -> QuerySet[Row]:
        return super().get_queryset().defer("search")


def locked(rows: QuerySet[Row], defaults: Mapping[str, Any] | None = None, **named: Any) -> Row:
    """The row of this name, new or not. Its lock is held from here on."""
    found = rows.select_for_update().filter(**named)
    row = found.first()
    if row is None:
        rows.bulk_create([rows.model(**named, **(defaults or {}))], ignore_conflicts=True)
        row = found.get()
    return row
