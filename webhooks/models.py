from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from omibackend.core.postgres.crypto import EncryptedField, EncryptedJSONField
from omibackend.core.postgres.rows import UUIDModel
from omibackend.core.work.leased import Leased


class Policy(models.TextChoices):
    TOKEN = "token", "the token is enough"
    SIGNATURE = "signature", "the signature is enough"
    BOTH = "both", "token and signature"


class Endpoint(UUIDModel):
    """An address that a sender posts to, and how it proves who it is."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="endpoints")
    provider = models.CharField(max_length=20)
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_hint = models.CharField(max_length=4, editable=False)
    # Of the token before, while it is still accepted.
    previous_token_hash = models.CharField(  # noqa: DJ001 (unique)
        max_length=64, unique=True, null=True, editable=False
    )
    # None: until it is retired.
    previous_token_until = models.DateTimeField(null=True, editable=False)
    policy = models.CharField(max_length=9, choices=Policy.choices, default=Policy.TOKEN)
    secret = EncryptedField(blank=True, default="")
    previous_secret = EncryptedField(blank=True, default="")
    # A retired secret is kept, so that a refusal can say that it was the one used.
    previous_secret_live = models.BooleanField(default=False)
    # None: until it is retired.
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    rotated_at = models.DateTimeField(null=True, blank=True, editable=False)
    rate_limit_per_minute = models.PositiveIntegerField(null=True, blank=True)
    enabled = models.BooleanField(default=True)
    # Many people's wearables post to it; a delivery is of the person that its uid is linked to.
    shared = models.BooleanField(default=False)
    # What the sender's own settings class makes of it (Provider.settings).
    settings = EncryptedJSONField(blank=True, default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["provider", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def accepts_previous_secret(self) -> bool:
        return self.previous_secret_live and not _is_over(self.previous_secret_until)

    @property
    def accepts_previous_token(self) -> bool:
        return bool(self.previous_token_hash) and not _is_over(self.previous_token_until)


def _is_over(until: datetime | None) -> bool:
    return until is not None and until <= timezone.now()


class Delivery(Leased, UUIDModel):
    """One accepted request, byte for byte, and what became of it. UNTRUSTED content."""

    # Two indexes begin with it already, and each costs every acknowledgement.
    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", db_index=False
    )
    # Whose it became, on a shared endpoint: also when the uid is another's by now. Without a
    # constraint, which PostgreSQL would check for each delivery of the others too.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        null=True,
        db_index=False,
        db_constraint=False,
    )
    event = models.CharField(max_length=40)
    # The sender's own id of this delivery. None: it gave none, and nothing is a duplicate.
    dedup_key = models.CharField(max_length=255, null=True)  # noqa: DJ001
    # In which of the sender's dialects it was read.
    dialect = models.CharField(max_length=20, blank=True, default="", db_default="")
    # Whom it is about in the sender's words: Omi's uid, a phone number.
    subject = models.CharField(max_length=128, blank=True, default="", db_default="")
    # None once retention has removed it.
    body = models.BinaryField(null=True)
    body_sha256 = models.BinaryField(max_length=32)
    body_bytes = models.PositiveIntegerField()
    content_type = models.CharField(max_length=100, blank=True)
    headers = models.JSONField(default=dict)
    query = models.JSONField(default=dict)
    remote_addr = models.GenericIPAddressField(null=True)
    signature = models.CharField(max_length=16, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    received_at = models.DateTimeField(db_default=Now())
    duplicates = models.PositiveIntegerField(default=0, db_default=0)
    # Duplicates whose body differed from the one kept.
    conflicts = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [
            ("view_delivery_body", "Can read the body of a delivery"),
            ("replay_delivery", "Can replay a delivery"),
        ]
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "dedup_key"], name="delivery_endpoint_dedup_key"
            )
        ]
        indexes = [
            Leased.live_index("delivery_live"),
            models.Index(fields=["endpoint", "-id"], name="delivery_endpoint_id"),
            models.Index(fields=["-id"], name="delivery_dead", condition=models.Q(state="dead")),
            models.Index(
                fields=["person", "-id"],
                name="delivery_person_id",
                condition=models.Q(person__isnull=False),
            ),
            # What waits for somebody to be known is looked for among the dead.
            models.Index(
                fields=["subject"],
                name="delivery_dead_subject",
                condition=models.Q(state="dead"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} · {str(self.pk)[-8:]}"

    def raw(self) -> bytes:
        return bytes(self.body or b"")


class OmiLink(models.Model):
    """An Omi uid that is this person's: what a shared endpoint gets for it becomes theirs."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="omi_links")
    uid = models.CharField(max_length=128, unique=True)
    linked_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "Omi link"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Omi link {self.pk}"


class LinkCode(models.Model):
    """Six digits that are to prove a uid: one of each kind at a time for a person."""

    class Purpose(models.TextChoices):
        PUSHED = "pushed", "pushed to the phone"
        SPOKEN = "spoken", "to be spoken"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False
    )
    purpose = models.CharField(max_length=6, choices=Purpose.choices)
    # Whose phone it was pushed to.
    uid = models.CharField(max_length=128, blank=True)
    # Keyed with SECRET_KEY: a million codes are soon tried on a dump of the database.
    code_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "purpose"], name="link_code_user_purpose"),
            # A spoken code is looked for without knowing whose it is.
            models.UniqueConstraint(
                fields=["code_hash"],
                name="link_code_spoken",
                condition=models.Q(purpose="spoken"),
            ),
        ]


class LinkTries(models.Model):
    """How often something was tried for a uid lately. The uid stands in it as a keyed hash."""

    key = models.CharField(max_length=64, unique=True)
    tries = models.PositiveIntegerField()
    since = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["since"], name="link_tries_since")]
