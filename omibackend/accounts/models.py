from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from knox.models import AbstractAuthToken

from omibackend.accounts import patterns
from omibackend.core.postgres.ids import uuid7
from omibackend.core.postgres.rows import UUIDModel
from omibackend.core.work.leased import Leased


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").lower())


class User(AbstractUser):  # type: ignore[django-manager-missing]  # of knox, untyped
    """A person. The e-mail address is the name to log in with."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField("e-mail", unique=True)
    name = models.CharField(max_length=150, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


def validate_regex(value: str) -> None:
    try:
        patterns.compiled(value)
    except patterns.NotAPattern as error:
        raise ValidationError(str(error)) from error


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError("This is not a time zone name such as Europe/Paris.")


class ListenMode(models.TextChoices):
    TRIGGER = "TRIGGER", "after “Hey Omi”"
    FOLLOWUP = "FOLLOWUP", "after “Hey Omi”, and what follows an answer"
    ALWAYS = "ALWAYS", "to everything the person says"


class Preferences(models.Model):
    """How a person wants to be listened to. Without a row the defaults hold."""

    user = models.OneToOneField(User, models.CASCADE, related_name="preferences")
    listen_mode = models.CharField(
        max_length=8, choices=ListenMode.choices, default=ListenMode.TRIGGER
    )
    followup_window_ms = models.PositiveIntegerField(
        default=8000, validators=[MinValueValidator(1000), MaxValueValidator(60_000)]
    )
    activation_regex = models.CharField(max_length=200, blank=True, validators=[validate_regex])
    inject_memories = models.BooleanField(default=True)
    meeting_transcribe = models.BooleanField(default=False)
    mute = models.BooleanField(default=False)
    quiet_hours_start = models.TimeField(null=True, blank=True)
    quiet_hours_end = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    # A conversation's id, without a foreign key: that app lies above this one.
    default_conversation = models.UUIDField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"Preferences of {self.user}"

    def is_quiet(self, at: datetime) -> bool:
        """Whether `at` falls into the quiet hours on the person's own clock."""
        start, end = self.quiet_hours_start, self.quiet_hours_end
        if start is None or end is None or start == end:
            return False
        local = at.astimezone(ZoneInfo(self.time_zone)).time()
        if start < end:
            return start <= local < end
        return local >= start or local < end


class Scope(models.TextChoices):
    """What a named token may do. A device's token may do all of it, and manage the account."""

    READ = "read", "read"
    WRITE = "write", "change and delete"
    CHAT = "chat", "talk to the assistant"
    SMS = "sms", "read and send texts"
    EMG = "emg", "read and score recordings"


class Token(AbstractAuthToken):
    """A device that signed in, or a program that its owner gave a name and rights.

    Only knox's SHA-512 digest is kept, and the first characters to find it by.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # knox's primary key; here it stays out of addresses and of the admin's log.
    digest = models.CharField(max_length=128, unique=True, editable=False)
    name = models.CharField(max_length=80, blank=True)
    # None: a device, which may do everything that its owner may.
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope.choices), null=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or f"Token {str(self.id)[-8:]}"


class BrowserSession(AbstractBaseSession):
    """A session of a browser. Its key is only a hash of the cookie's."""

    user_id = models.BigIntegerField(null=True, db_index=True)

    class Meta(AbstractBaseSession.Meta):
        verbose_name = "browser session"


class Export(Leased, UUIDModel):
    """Everything about a person as one zip: asked for, made in the background, kept for a day."""

    owner = models.OneToOneField(User, models.CASCADE, related_name="+")
    progress_percent = models.PositiveSmallIntegerField(default=0)
    # Its name in the default storage; empty until it is there.
    file = models.CharField(max_length=200, blank=True, default="")
    requested_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [Leased.live_index("export_live")]


class Erasure(Leased, UUIDModel):
    """An account on its way out. It outlives the account, and names nobody."""

    user_id = models.BigIntegerField()
    # HMAC of what identifies the account: see `Erased`.
    account = models.CharField(max_length=64, unique=True)
    requested_at = models.DateTimeField(db_default=Now())
    # The account is gone after the first; the second removes what late work left behind.
    passes = models.PositiveSmallIntegerField(default=0)
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]
        indexes = [Leased.live_index("erasure_live")]


class Erased(models.Model):
    """That an account or a wearable's uid was erased: an HMAC that nobody can read without
    SECRET_KEY, to know it again in a backup."""

    digest = models.CharField(max_length=64, primary_key=True)
    erased_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Erased {self.digest[:8]}"
