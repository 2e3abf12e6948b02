"""Whose agents' conversations are read here."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from omibackend.core.postgres.rows import UUIDModel

EVERY_CLIENT = "conversations.view_every_client"


class ClientQuerySet(models.QuerySet["Client"]):
    def visible_to(self, user: Any) -> "ClientQuerySet":
        """Those whose staff one is; all of them for staff with the right to it."""
        if not user.is_staff:
            return self.none()
        return self.all() if user.has_perm(EVERY_CLIENT) else self.filter(staff=user)


class Client(UUIDModel):
    """A customer whose agents talk to people, and the staff who may read what they said."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        related_name="+",
        blank=True,
        limit_choices_to={"is_staff": True},
        help_text="Who may read this client's conversations.",
    )

    objects: ClassVar[ClientQuerySet] = ClientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["code"]
        permissions = [("view_every_client", "Can view the conversations of every client")]

    def __str__(self) -> str:
        return self.name
