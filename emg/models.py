"""Recordings and how they are scored. What is in a file stays in the file: no samples here."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from emg.analytics.scoring.score_profile import DEFAULTS, HIGHEST_RPE, Profile, Targets
from omibackend.core.postgres.rows import UUIDModel
from omibackend.core.work.leased import Leased, State

PERCENT = [MinValueValidator(0), MaxValueValidator(100)]
WEIGHT = [MinValueValidator(0), MaxValueValidator(1)]
NOT_NEGATIVE = [MinValueValidator(0)]
BORG_CR10 = [MinValueValidator(0), MaxValueValidator(HIGHEST_RPE)]


def effort_points() -> list[float]:
    return list(DEFAULTS.effort_by_rpe)


def validate_effort_points(value: Any) -> None:
    numbers = value if isinstance(value, list) else []
    good = [type(number) in (int, float) and 0 <= number <= 100 for number in numbers]
    if len(good) != HIGHEST_RPE + 1 or not all(good):
        raise ValidationError("Eleven numbers from 0 to 100: one for each exertion from 0 to 10.")


class BfrRule(models.TextChoices):
    COMPLIANCE = "compliance", "compliance alone"
    OVERALL = "overall", "the whole score"


class ScoringProfile(models.Model):
    """The constants of a score. Published sources differ in each of them, and none is clinically
    validated: a clinic sets its own."""

    name = models.CharField(max_length=80, unique=True)
    is_default = models.BooleanField(default=False)
    weight_compliance = models.FloatField(default=DEFAULTS.compliance, validators=WEIGHT)
    weight_symmetry = models.FloatField(default=DEFAULTS.symmetry, validators=WEIGHT)
    weight_effort = models.FloatField(default=DEFAULTS.effort, validators=WEIGHT)
    weight_game = models.FloatField(default=DEFAULTS.game, validators=WEIGHT)
    weight_completion = models.FloatField(default=DEFAULTS.completion, validators=WEIGHT)
    weight_intensity = models.FloatField(default=DEFAULTS.intensity, validators=WEIGHT)
    weight_duration = models.FloatField(default=DEFAULTS.duration, validators=WEIGHT)
    expected_contractions = models.PositiveSmallIntegerField(
        default=DEFAULTS.targets.contractions, validators=[MinValueValidator(1)]
    )
    mvc_threshold_percent = models.FloatField(
        default=DEFAULTS.targets.mvc_percent, validators=PERCENT
    )
    duration_threshold_ms = models.PositiveIntegerField(
        default=round(1000 * DEFAULTS.targets.duration_s)
    )
    bfr_low_percent = models.FloatField(
        "lowest pressure, % AOP", default=DEFAULTS.pressure_percent[0], validators=PERCENT
    )
    bfr_high_percent = models.FloatField(
        "highest pressure, % AOP", default=DEFAULTS.pressure_percent[1], validators=PERCENT
    )
    bfr_applies_to = models.CharField(
        "a wrong pressure makes zero",
        max_length=10,
        choices=BfrRule.choices,
        default=BfrRule(DEFAULTS.pressure_counts_for),
    )
    # Eleven numbers: the points for an exertion of 0 to 10.
    effort_points = models.JSONField(default=effort_points, validators=[validate_effort_points])
    sessions_per_week = models.FloatField(
        default=7 * DEFAULTS.sessions_per_day, validators=[MinValueValidator(0.1)]
    )
    adherence_from_day = models.FloatField(
        default=DEFAULTS.adherence_from_day, validators=NOT_NEGATIVE
    )
    # A line in the patient's trend. It changes no score.
    target_score = models.FloatField(default=70, validators=PERCENT)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=models.Q(is_default=True),
                name="emg_one_default_profile",
            )
        ]

    def __str__(self) -> str:
        return self.name

    def constants(self) -> Profile:
        """Floats throughout: a row just made holds what it was given, and 12 is not 12.0 in the
        profile's version."""
        return Profile(
            targets=Targets(
                contractions=int(self.expected_contractions),
                mvc_percent=float(self.mvc_threshold_percent),
                duration_s=self.duration_threshold_ms / 1000,
            ),
            completion=float(self.weight_completion),
            intensity=float(self.weight_intensity),
            duration=float(self.weight_duration),
            compliance=float(self.weight_compliance),
            symmetry=float(self.weight_symmetry),
            effort=float(self.weight_effort),
            game=float(self.weight_game),
            effort_by_rpe=tuple(map(float, self.effort_points)),
            pressure_percent=(float(self.bfr_low_percent), float(self.bfr_high_percent)),
            pressure_counts_for=(
                "overall" if self.bfr_applies_to == BfrRule.OVERALL else "compliance"
            ),
            sessions_per_day=self.sessions_per_week / 7,
            adherence_from_day=float(self.adherence_from_day),
        )


class Status(models.TextChoices):
    """In words, for senders and people."""

    PENDING = "pending", "pending"
    PROCESSING = "processing", "processing"
    COMPLETED = "completed", "completed"
    FAILED = "failed", "failed"


STATUS_OF = {
    State.PENDING: Status.PENDING,
    State.LEASED: Status.PROCESSING,
    State.DONE: Status.COMPLETED,
    State.DEAD: Status.FAILED,
    State.IGNORED: Status.FAILED,
}


TARGETS = ("mvc", "contractions", "mvc_percent", "duration_s")


def validate_targets(value: Any) -> None:
    """`{"CH1 Raw": {"mvc": 1.2e-4}, "*": {"contractions": 10}}`"""
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise ValidationError("An object for each channel, or for “*”.")
    for name, number in ((name, n) for one in value.values() for name, n in one.items()):
        if name not in TARGETS:
            raise ValidationError(f"A target is one of {', '.join(TARGETS)}.")
        if type(number) not in (int, float) or not 0 < number < 1e9:
            raise ValidationError(f"{name} is a number above zero.")
        if name == "contractions" and type(number) is not int:
            raise ValidationError("contractions is a whole number.")


def validate_sides(value: Any) -> None:
    if not isinstance(value, dict) or not set(value) <= {"left", "right"}:
        raise ValidationError("“left” and “right” with a channel's name each.")
    if not all(isinstance(name, str) for name in value.values()):
        raise ValidationError("A channel's name is a text.")


class Recording(Leased, UUIDModel):
    """One version of one C3D object in a store, what is in it and what it was worth.

    `state` is the work's; what people are told is `status`, and of a failure `last_error`.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="recordings", db_index=False
    )
    # The delivery that told of it first.
    delivery_id = models.UUIDField(null=True, editable=False)
    # The delivery whose answer told of it before its job did.
    told_by = models.UUIDField(null=True, editable=False)
    # The name that senders and the API know it by: given, or made of the object's path.
    session_id = models.CharField(max_length=100)
    # "P039S003" and "P039" where the path has them.
    session_code = models.CharField(max_length=20, blank=True)
    patient_code = models.CharField(max_length=10, blank=True)

    bucket = models.CharField(max_length=100)
    object_path = models.CharField(max_length=1024)
    # As the sender names it; "" where it names none.
    object_version = models.CharField(max_length=200, blank=True, default="")
    # What an S3 store wants to be asked with for just this version.
    version_id = models.CharField(max_length=200, blank=True, default="")
    # The store's mark of the bytes that were read last: ETag, or size and time of a local file.
    etag = models.CharField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")

    # {"channel_names", "channel_count", "sampling_rate", "duration_seconds", "file_size_bytes",
    #  "file_hash", "points_rate"}; None until the file could be opened
    metadata = models.JSONField(null=True, blank=True, editable=False)
    # {"GROUP:NAME": [value, ...]}: what the recorder wrote down. UNTRUSTED, may name a person.
    notes = models.JSONField(default=dict, blank=True, editable=False)
    # By channel: {"unit", "rms", "contractions", ...}
    analytics = models.JSONField(null=True, blank=True, editable=False)
    # The version of the parameters that `analytics` were made with.
    processing_version = models.CharField(max_length=40, blank=True, default="")
    analysed_at = models.DateTimeField(null=True, blank=True, editable=False)
    progress_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    scores = models.JSONField(null=True, blank=True, editable=False)
    profile = models.ForeignKey(
        ScoringProfile, models.SET_NULL, null=True, blank=True, related_name="recordings"
    )

    # What therapists add. Empty: not scored, never guessed.
    rpe = models.FloatField(
        "perceived exertion (Borg CR-10)", null=True, blank=True, validators=BORG_CR10
    )
    bfr_pressure_percent = models.FloatField(
        "pressure, % AOP", null=True, blank=True, validators=NOT_NEGATIVE
    )
    game_points = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    game_max_points = models.FloatField(null=True, blank=True, validators=NOT_NEGATIVE)
    # By channel, or "*" for all: {"mvc", "contractions", "mvc_percent", "duration_s"}, each
    # optional; the MVC in the channel's unit
    targets = models.JSONField(default=dict, blank=True, validators=[validate_targets])
    # {"left": channel, "right": channel}; what is missing is found by the channels' names
    sides = models.JSONField(default=dict, blank=True, validators=[validate_sides])

    recorded_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["-recorded_at", "-id"]
        permissions = [
            ("view_signal", "Can see the signals of a recording"),
            ("reanalyse_recording", "Can analyse a recording again"),
            ("rescore_recording", "Can score a recording again"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "bucket", "object_path", "object_version"],
                name="recording_object_version",
            )
        ]
        indexes = [
            Leased.live_index("recording_live"),
            GinIndex(
                fields=["analytics"], name="recording_analytics", opclasses=["jsonb_path_ops"]
            ),
            models.Index(fields=["owner", "-recorded_at", "-id"], name="recording_owner"),
            models.Index(fields=["-recorded_at", "-id"], name="recording_recorded"),
            models.Index(fields=["session_id"], name="recording_session"),
            models.Index(fields=["session_code"], name="recording_session_code"),
            models.Index(fields=["patient_code", "-recorded_at"], name="recording_patient"),
            models.Index(fields=["sha256", "processing_version"], name="recording_content"),
        ]

    def __str__(self) -> str:
        # Not the session: the admin's log keeps this name after the recording is deleted.
        return super().__str__()

    @property
    def status(self) -> Status:
        """What was analysed stays so, also if its file is gone when it is looked at again."""
        if self.state == State.DEAD and self.analysed_at is not None:
            return Status.COMPLETED
        return STATUS_OF[State(self.state)]

    @property
    def reason(self) -> str:
        """Why it failed, or what it waits for."""
        if self.state == State.PENDING and self.attempts and self.last_error:
            return f"{self.last_error} It is tried again."
        if self.state == State.DEAD:
            return self.last_error
        return "Waiting for a worker." if self.state == State.PENDING else ""

    @property
    def object_name(self) -> str:
        return f"{self.bucket}/{self.object_path}"

    def own_targets(self, channel: str) -> dict[str, Any]:
        """Targets for every channel, overridden by those of this one."""
        targets = self.targets or {}
        return {**targets.get("*", {}), **targets.get(channel, {})}
