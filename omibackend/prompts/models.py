from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from omibackend.core.postgres.rows import UUIDModel
from omibackend.core.work.leased import Leased
from omibackend.prompts import variables
from omibackend.prompts.schedule import validate_cron

MOST_PROMPT_CHARS = 20_000


class Trigger(models.TextChoices):
    TRANSCRIPT_END = variables.TRANSCRIPT_END, "when a conversation has ended"
    MEMORY_CREATED = variables.MEMORY_CREATED, "when Omi has made a memory"
    SCHEDULE = variables.SCHEDULE, "by the clock"


class Output(models.TextChoices):
    MEMORY = "memory", "a memory"
    ACTION_ITEMS = "action_items", "action items"
    MESSAGE = "message", "a message"


class PromptTemplate(UUIDModel):
    """An instruction that is carried out again and again. Written by staff, not by senders."""

    name = models.CharField(max_length=120)
    # None: for everybody.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="prompt_templates",
    )
    enabled = models.BooleanField(default=True)
    trigger = models.CharField(max_length=14, choices=Trigger.choices)
    cron = models.CharField(max_length=100, blank=True, validators=[validate_cron])
    prompt = models.TextField(max_length=MOST_PROMPT_CHARS)
    output = models.CharField(max_length=12, choices=Output.choices)
    most_input_chars = models.PositiveIntegerField(
        default=20_000, validators=[MinValueValidator(200), MaxValueValidator(400_000)]
    )
    most_runs_per_day = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1), MaxValueValidator(1440)]
    )
    # No slot before this moment is made up for.
    active_since = models.DateTimeField(db_default=Now(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = "prompt"
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        wrong: dict[str, list[str]] = {}
        if found := variables.objections(self.prompt, self.trigger):
            wrong["prompt"] = found
        if self.trigger == Trigger.SCHEDULE and not self.cron:
            wrong["cron"] = ["It runs by the clock: when?"]
        if self.trigger != Trigger.SCHEDULE and self.cron:
            wrong["cron"] = ["Only a prompt that runs by the clock has a schedule."]
        if wrong:
            raise ValidationError(wrong)


class Outcome(models.TextChoices):
    OPEN = "", "not finished"
    MADE = "made", "made something"
    NOTHING = "nothing", "nothing to make"
    NOT_RUN = "not run", "not run"


class PromptRun(Leased, UUIDModel):
    """One run of a prompt for one person, once for each cause. UNTRUSTED content."""

    template = models.ForeignKey(
        PromptTemplate, models.CASCADE, related_name="runs", db_index=False
    )
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="prompt_runs")
    # What set it off, by kind and name: `memory:` id and version, `session:` id, `slot:` moment,
    # `hand:` and a name of its own.
    cause = models.CharField(max_length=120)
    # The memory or the session that it is about.
    subject_id = models.UUIDField(null=True, blank=True)
    delivery_id = models.UUIDField(null=True)
    # On the person's clock: what the daily limit counts by.
    day = models.DateField()
    created_at = models.DateTimeField(db_default=Now())
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True, default="")
    # Why it did not run or made nothing, in words.
    why = models.CharField(max_length=120, blank=True, default="")
    # What was sent and what came back. A trigger of the database empties both when one of the
    # rows in `about` is deleted, whoever deletes it (migration 0002).
    rendered = models.TextField(blank=True, default="")
    answer = models.TextField(blank=True, default="")
    # The rows that it read and those that it made.
    about = ArrayField(models.UUIDField(), default=list)
    model = models.CharField(max_length=100, blank=True, default="")
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    # US dollars; None: no price is configured, or the server counts no tokens.
    cost: "models.DecimalField[Decimal | None, Decimal | None]" = models.DecimalField(
        max_digits=16, decimal_places=8, null=True
    )
    took_ms = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = "run of a prompt"
        verbose_name_plural = "runs of prompts"
        ordering = ["-id"]
        permissions = [("read_promptrun", "Can read the prompt and the answer of a run")]
        constraints = [
            models.UniqueConstraint(fields=["template", "person", "cause"], name="promptrun_cause")
        ]
        indexes = [
            Leased.live_index("promptrun_live"),
            models.Index(fields=["template", "-id"], name="promptrun_template"),
            models.Index(fields=["template", "person", "day"], name="promptrun_day"),
            GinIndex(fields=["about"], name="promptrun_about"),
        ]

    def __str__(self) -> str:
        return f"Run {str(self.pk)[-8:]}"

    @property
    def title(self) -> str:
        return self.template.name

    @property
    def origin(self) -> str:
        """What the memories that it makes are known by, whatever becomes of this row: a newer
        version of the same memory brings its offspring up to date."""
        kind, key, *_ = self.cause.split(":")
        return f"{self.template_id}:{kind}:{key}"
