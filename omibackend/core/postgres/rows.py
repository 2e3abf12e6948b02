"""What tables have in common."""

from django.db import models

from omibackend.core.postgres.ids import uuid7


class UUIDModel(models.Model):
    """Rows with a time-ordered id, called by what they are and the end of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {str(self.pk)[-8:]}".capitalize()
