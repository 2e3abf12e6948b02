"""Scores of recordings, from their stored contractions: no file is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from emg.analytics import Contraction, as_json, judge
from emg.analytics.results import contraction_from
from emg.analytics.scoring.score import Circumstances, Game, Muscle, score
from emg.analytics.scoring.score_profile import Profile, Targets
from emg.models import Recording, ScoringProfile

Json = dict[str, Any]
INPUTS = (
    *("rpe", "bfr_pressure_percent", "game_points", "game_max_points"),
    *("targets", "sides", "profile"),
)
DEFAULT_NAME = "GHOSTLY+ defaults"
LEFT = re.compile(r"(?<![a-z])(left|links|gauche|l)(?![a-z])", re.IGNORECASE)
RIGHT = re.compile(r"(?<![a-z])(right|rechts|droite?|r)(?![a-z])", re.IGNORECASE)


def default_profile() -> ScoringProfile:
    found = ScoringProfile.objects.filter(is_default=True).first()
    if found is None:
        found, _ = ScoringProfile.objects.get_or_create(
            name=DEFAULT_NAME, defaults={"is_default": True}
        )
    return found


def profile_of(recording: Recording) -> ScoringProfile:
    return recording.profile or default_profile()


def scores_of(recording: Recording) -> Json | None:
    """The score and its parts, with the versions of what it was made by; None: not analysed."""
    if not recording.analytics:
        return None
    profile = profile_of(recording)
    constants = profile.constants()
    found = muscles(recording, constants)
    side = sides(recording)
    made = score(
        left=found.get(side["left"] or ""),
        right=found.get(side["right"] or ""),
        circumstances=_circumstances(recording),
        profile=constants,
    )
    return {
        **as_json(made),
        "sides": side,
        "profile": profile.name,
        "parameters_version": recording.processing_version,
    }


def _circumstances(recording: Recording) -> Circumstances:
    points, most = recording.game_points, recording.game_max_points
    return Circumstances(
        rpe=recording.rpe,
        game=Game(points, most) if points is not None and most else None,
        pressure_percent=recording.bfr_pressure_percent,
    )


def muscles(recording: Recording, constants: Profile) -> dict[str, Muscle]:
    """By channel: the MVC and targets that hold now, and its contractions held against them."""
    found = {}
    for channel, analysis in (recording.analytics or {}).items():
        own = recording.own_targets(channel)
        mvc = own.pop("mvc", None) or analysis["mvc"]["value"]
        targets: Targets = replace(constants.targets, **own)
        contractions = judge(
            map(contraction_from, analysis["contractions"]),
            mvc=mvc,
            mvc_percent=targets.mvc_percent,
            duration_s=targets.duration_s,
        )
        found[channel] = Muscle(contractions, mvc, targets)
    return found


def judged(recording: Recording) -> dict[str, Sequence[Contraction]]:
    """By channel: its contractions held against the targets of now."""
    found = muscles(recording, profile_of(recording).constants())
    return {channel: muscle.contractions for channel, muscle in found.items()}


def sides(recording: Recording) -> dict[str, str | None]:
    """As the therapist said, else by the channels' names, else the first two in the file: GHOSTLY
    has the left muscle first."""
    names = list((recording.metadata or {}).get("channel_names", ()))
    channels = sorted(
        recording.analytics or {},
        key=lambda name: names.index(name) if name in names else len(names),
    )
    left = next((name for name in channels if LEFT.search(name)), None)
    right = next((name for name in channels if RIGHT.search(name)), None)
    if left is None and right is None:
        left, right = (*channels, None, None)[:2]
    by_name: dict[str, str | None] = {"left": left, "right": right}
    told = {side: name for side, name in (recording.sides or {}).items() if name in channels}
    return {**by_name, **told}


def rescore(recording: Recording, given: Mapping[str, Any]) -> Json | None:
    """Takes over what a therapist says (names in INPUTS), and scores with it.

    The caller has validated it. Only the given fields and the scores are written.
    """
    with transaction.atomic():
        fresh = Recording.objects.select_for_update(of=("self",)).get(pk=recording.pk)
        for name in INPUTS:
            if name in given:
                setattr(fresh, name, given[name])
        fresh.scores = scores_of(fresh)
        fresh.save(update_fields=[*(name for name in INPUTS if name in given), "scores"])
    return fresh.scores
