from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from emg.models import ScoringProfile, effort_points, validate_effort_points
from emg.pages.words import NOTHING
from omibackend.core.admin.paging import BoundedPaginator
from omibackend.core.show import human
from omibackend.core.templatetags.ob import chip

HELP = {
    "name": "As therapists choose it when they score a session again.",
    "is_default": "For recordings that name no profile. There is one: choosing this one takes it "
    "from the other.",
    "weight_compliance": "How far both muscles reached their targets; the mean of left and right.",
    "weight_symmetry": "How alike both sides did: 1 − |L − R| / (L + R).",
    "weight_effort": "The rating of perceived exertion, by the points below.",
    "weight_game": "Points in the game, of those that could be had.",
    "weight_completion": "Repetitions done, of those expected.",
    "weight_intensity": "Share of repetitions that were strong enough.",
    "weight_duration": "Share of repetitions that were held long enough.",
    "expected_contractions": "Of each muscle in a session.",
    "mvc_threshold_percent": "A strong repetition's peak reaches this share of the MVC, in %.",
    "duration_threshold_ms": "A long repetition is held this long, in milliseconds.",
    "target_score": "The line in a patient's trend. It changes no score.",
    "bfr_low_percent": "Of the arterial occlusion pressure. A pressure within these two counts "
    "as right; none given costs nothing.",
    "bfr_applies_to": "Compliance alone follows the published formula.",
    "sessions_per_week": "As prescribed; adherence is held against it.",
    "adherence_from_day": "Earlier in a treatment, adherence says nothing.",
}


class EffortPoints(forms.CharField):
    """Eleven numbers in one line."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(f"{one:g}" for one in value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[float]:
        try:
            numbers = [float(part) for part in str(value or "").replace(";", ",").split(",")]
        except ValueError as error:
            raise ValidationError("Numbers with commas between them.") from error
        validate_effort_points(numbers)
        return numbers

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class ScoringProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    effort_points = EffortPoints(
        label="Points for an exertion of 0, 1, 2 … 10",
        initial=effort_points,
        widget=UnfoldAdminTextInputWidget,
        help_text="Eleven numbers from 0 to 100, with commas between them. The usual ones reward "
        "an exertion of 4 to 6.",
    )

    class Meta:
        model = ScoringProfile
        exclude = ("updated_at",)  # noqa: DJ006 (the fieldsets say which)
        help_texts = HELP
        labels = {
            "is_default": "The default",
            "mvc_threshold_percent": "Strong enough, % of MVC",
            "duration_threshold_ms": "Long enough, ms",
            "expected_contractions": "Repetitions",
            "weight_compliance": "Compliance",
            "weight_symmetry": "Symmetry",
            "weight_effort": "Effort",
            "weight_game": "Game",
            "weight_completion": "Repetitions done",
            "weight_intensity": "Strong enough",
            "weight_duration": "Long enough",
            "adherence_from_day": "Adherence from day",
        }

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        for names, words in (
            (("compliance", "symmetry", "effort", "game"), "the score"),
            (("completion", "intensity", "duration"), "compliance"),
        ):
            weights = [given.get(f"weight_{name}") for name in names]
            if None not in weights and not sum(filter(None, weights)):
                raise ValidationError(f"One weight of {words} has to be above zero.")
        low, high = given.get("bfr_low_percent"), given.get("bfr_high_percent")
        if low is not None and high is not None and low > high:
            self.add_error("bfr_high_percent", "Not below the lowest.")
        return given

    def _get_validation_exclusions(self) -> set[str]:
        """That there is one default is seen to when it is saved."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {"is_default"}


def _group(title: str | None, *rows: str | tuple[str, ...], words: str = "") -> tuple[Any, Any]:
    return title, {"fields": rows, "description": words}


@admin.register(ScoringProfile)
class ScoringProfileAdmin(ModelAdmin):
    form = ScoringProfileForm
    list_display = ("what", "targets", "weights", "used")
    list_per_page = 50
    paginator = BoundedPaginator
    search_fields = ("name",)
    fieldsets = (
        _group(
            None,
            ("name", "is_default"),
            words="Published sources differ in every one of these numbers, and none is clinically "
            "validated. A score says which it was made with; one that is there already changes "
            "when it is scored again.",
        ),
        _group(
            "What a muscle has to do",
            ("expected_contractions", "mvc_threshold_percent", "duration_threshold_ms"),
            words="For sessions that have no targets of their own.",
        ),
        _group(
            "Weights in the score",
            ("weight_compliance", "weight_symmetry"),
            ("weight_effort", "weight_game"),
            words="0 to 1; only their proportions matter. The weight of a part that is missing "
            "goes to the others.",
        ),
        _group(
            "Weights in a muscle’s compliance",
            ("weight_completion", "weight_intensity", "weight_duration"),
        ),
        _group("Effort", "effort_points"),
        _group("Blood flow restriction", ("bfr_low_percent", "bfr_high_percent"), "bfr_applies_to"),
        _group("Over time", ("target_score", "sessions_per_week", "adherence_from_day")),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScoringProfile]:
        rows: QuerySet[ScoringProfile] = super().get_queryset(request)
        return rows.annotate(used_by=Count("recordings"))

    @admin.display(description="profile", ordering="name")
    def what(self, row: ScoringProfile) -> SafeString:
        return format_html(
            '<span class="ob-what"><b>{}</b> {}</span>',
            row.name,
            chip("ok", "check", "default") if row.is_default else "",
        )

    @admin.display(description="targets")
    def targets(self, row: ScoringProfile) -> str:
        return (
            f"{row.expected_contractions} × {row.mvc_threshold_percent:g} % of MVC, "
            f"{row.duration_threshold_ms / 1000:g} s"
        )

    @admin.display(description="weights")
    def weights(self, row: ScoringProfile) -> str:
        named = row.constants().weights.items()
        total = sum(weight for _, weight in named) or 1
        return ", ".join(f"{name} {100 * w / total:.0f} %" for name, w in named if w)

    @admin.display(description="chosen for")
    def used(self, row: Any) -> str:
        return human.several(row.used_by, "recording") if row.used_by else NOTHING

    def save_model(self, request: HttpRequest, obj: ScoringProfile, form: Any, change: Any) -> None:
        with transaction.atomic():
            if obj.is_default:
                others = ScoringProfile.objects.exclude(pk=obj.pk)
                others.filter(is_default=True).update(is_default=False)
            if change:
                obj.save(update_fields=[*form.changed_data, "updated_at"])
            else:
                super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not the default: the next score would make it again."""
        is_kept = obj is not None and obj.is_default
        return bool(super().has_delete_permission(request, obj)) and not is_kept
