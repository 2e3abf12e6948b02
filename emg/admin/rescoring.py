"""Scoring again with what a therapist says: no file is read."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSelectWidget

from emg.analytics.scoring.score_profile import HIGHEST_RPE
from emg.models import Recording, ScoringProfile
from emg.pages.sides import channels_of
from emg.recordings import scoring

SIDES = ("left", "right")
PLAIN = ("rpe", "bfr_pressure_percent", "game_points", "game_max_points")
# Of each muscle: the name in `targets`, the words, and the least that makes sense.
TARGETS = (
    ("contractions", "Repetitions", 1),
    ("mvc_percent", "Strength, % of MVC", 0.1),
    ("duration_s", "Hold, s", 0.01),
    ("mvc", "MVC", 0.0001),
)


def _number(label: str, **options: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label, required=False, widget=UnfoldAdminDecimalFieldWidget, **options
    )


class RescoreForm(forms.Form):
    profile = forms.ModelChoiceField(
        ScoringProfile.objects.all(),
        required=False,
        empty_label="the default profile",
        widget=UnfoldAdminSelectWidget,
        help_text="Weights, and the targets that are not set below.",
    )
    rpe = _number(
        "Perceived exertion (RPE)",
        min_value=0,
        max_value=HIGHEST_RPE,
        help_text="Borg CR-10: 0 is nothing at all, 10 is maximal. Empty: effort is not scored.",
    )
    bfr_pressure_percent = _number(
        "Cuff pressure, % AOP",
        min_value=0,
        max_value=300,
        help_text="Only with blood flow restriction. Empty: it costs nothing.",
    )
    game_points = _number("Game points", min_value=0, help_text="Empty: the game is not scored.")
    game_max_points = _number("Game points at most", min_value=0.01)

    def __init__(self, *args: Any, recording: Recording, **options: Any) -> None:
        super().__init__(*args, **options)
        self.recording = recording
        profile = scoring.profile_of(recording).constants()
        self.channels = {one.name: one for one in channels_of(recording, profile)}
        self.side_of = scoring.sides(recording)
        self.initial["profile"] = recording.profile_id
        for name in PLAIN:
            value = getattr(recording, name)
            self.initial[name] = None if value is None else f"{value:g}"
        for side in SIDES:
            self._add_side(side)

    def _add_side(self, side: str) -> None:
        names = [("", "none"), *((name, name) for name in self.channels)]
        self.fields[f"{side}_channel"] = forms.ChoiceField(
            label="Channel", choices=names, required=False, widget=UnfoldAdminSelectWidget
        )
        channel = self.channels.get(self.side_of[side] or "")
        self.initial[f"{side}_channel"] = self.side_of[side] or ""
        own = self.recording.own_targets(channel.name) if channel else {}
        for name, words, least in TARGETS:
            unit = channel.scale.unit if channel else "in its unit"
            field = _number(f"{words}, {unit}" if name == "mvc" else words, min_value=least)
            if channel:
                # What holds where nothing is said.
                held = channel.mvc_words if name == "mvc" else f"{getattr(channel.targets, name):g}"
                field.widget.attrs["placeholder"] = held
            self.fields[f"{side}_{name}"] = field
            if channel and name in own:
                factor = channel.scale.factor if name == "mvc" else 1
                self.initial[f"{side}_{name}"] = f"{own[name] * factor:.6g}"

    @property
    def circumstances(self) -> list[forms.BoundField]:
        return [self[name] for name in ("profile", *PLAIN)]

    @property
    def muscles(self) -> list[tuple[str, list[forms.BoundField]]]:
        names = ("channel", *(name for name, _, _ in TARGETS))
        return [(side.title(), [self[f"{side}_{name}"] for name in names]) for side in SIDES]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        left, right = given.get("left_channel"), given.get("right_channel")
        if left and left == right:
            self.add_error("right_channel", "Left and right are two channels.")
        points, most = given.get("game_points"), given.get("game_max_points")
        if points is not None and most is None and "game_max_points" not in self.errors:
            self.add_error("game_max_points", "Points of how many?")
        for side in SIDES:
            repetitions = given.get(f"{side}_contractions")
            if repetitions is not None and repetitions != int(repetitions):
                self.add_error(f"{side}_contractions", "A whole number.")
        return given

    def given(self) -> dict[str, Any]:
        """As `scoring.rescore` takes it."""
        said = self.cleaned_data
        chosen = {side: said[f"{side}_channel"] for side in SIDES}
        return {
            **{name: said[name] for name in ("profile", *PLAIN)},
            "sides": {side: name for side, name in chosen.items() if name},
            "targets": self._targets(chosen),
        }

    def _targets(self, chosen: dict[str, str]) -> dict[str, dict[str, float]]:
        """What held for every channel is told of each from now on: here a side can be emptied."""
        kept = {
            name: own
            for name in self.channels
            if name not in chosen.values() and (own := self.recording.own_targets(name))
        }
        for side, name in chosen.items():
            if name and (own := self._said_of(side, name)):
                kept[name] = own
        return kept

    def _said_of(self, side: str, name: str) -> dict[str, float]:
        said = {key: self.cleaned_data[f"{side}_{key}"] for key, _, _ in TARGETS}
        own = {key: value for key, value in said.items() if value is not None}
        if "contractions" in own:
            own["contractions"] = int(own["contractions"])
        if "mvc" in own:
            own["mvc"] = own["mvc"] / self.channels[name].scale.factor
        return own


def told(before: float | None, after: float | None) -> str:
    if after is None:
        return "Scored again. There is no overall score: it takes both muscles."
    if before is None:
        return f"Scored again: {after:.0f}."
    return f"Scored again: {before:.0f} before, {after:.0f} now."
