from dataclasses import replace

import pytest

from emg.analytics.scoring.score import (
    Circumstances,
    Game,
    Muscle,
    Score,
    adherence,
    effort,
    score,
    symmetry,
)
from emg.analytics.scoring.score_profile import Profile, Targets
from tests.emg import made

THIRDS_AS_CODED = Profile(completion=0.333, intensity=0.333, duration=0.334)


def muscle(count: int, *, strong: int, held: int, mvc: float | None = 1.0) -> Muscle:
    """So many contractions, so many of them over 75 % of the MVC, so many over two seconds."""
    return Muscle(
        [
            made.contraction(peak=0.9 if n < strong else 0.5, duration_s=2.5 if n < held else 1.0)
            for n in range(count)
        ],
        mvc,
    )


LEFT = muscle(11, strong=9, held=10)
RIGHT = muscle(12, strong=8, held=11)


def scored(
    profile: Profile = THIRDS_AS_CODED,
    *,
    rpe: float | None = 6,
    game: Game | None = None,
    pressure_percent: float | None = None,
) -> Score:
    circumstances = Circumstances(rpe, game, pressure_percent)
    return score(left=LEFT, right=RIGHT, circumstances=circumstances, profile=profile)


def compliances(found: Score) -> tuple[float, float]:
    assert found.left
    assert found.right
    return found.left.score, found.right.score


def test_it_reaches_the_documented_scenario() -> None:
    found = scored(Profile())

    assert compliances(found) == pytest.approx((88.131313, 86.111111), abs=5e-7)
    assert found.compliance == pytest.approx(87.121212, abs=5e-7)
    assert found.symmetry == pytest.approx(98.840580, abs=5e-7)
    assert found.effort == 100
    assert found.overall == pytest.approx(93.270751, abs=5e-7)


def test_it_reaches_the_scenario_with_the_original_weights() -> None:
    assert compliances(scored()) == pytest.approx((88.134091, 86.116667), abs=5e-7)


def test_it_shares_the_weight_of_what_is_missing_and_names_it() -> None:
    found = scored(Profile(), rpe=None)

    assert (found.effort, found.missing) == (None, ("effort",))
    assert found.overall == pytest.approx((0.5 * 87.121212 + 0.25 * 98.840580) / 0.75, abs=1e-6)


def test_it_weighs_the_game_if_the_profile_does() -> None:
    profile = Profile(compliance=0.4, symmetry=0.25, effort=0.2, game=0.15)

    found = scored(profile, game=Game(points=30, most=40))

    expected = 0.4 * 87.121212 + 0.25 * 98.840580 + 0.2 * 100 + 0.15 * 75
    assert (found.game, found.missing) == (75, ())
    assert found.overall == pytest.approx(expected, abs=1e-6)
    assert scored(profile).missing == ("game",)


def test_it_does_not_name_what_weighs_nothing() -> None:
    assert scored(Profile()).missing == ()


@pytest.mark.parametrize(("percent", "kept"), [(45.0, True), (55.0, True), (44.9, False)])
def test_it_counts_the_right_pressure_only(percent: float, kept: bool) -> None:
    found = scored(Profile(), pressure_percent=percent)

    assert found.pressure_kept is kept
    assert (found.compliance == 0) is not kept
    assert found.symmetry == pytest.approx(98.840580, abs=5e-7)


def test_it_lets_a_wrong_pressure_count_for_the_whole_if_the_profile_says_so() -> None:
    profile = Profile(pressure_counts_for="overall", pressure_percent=(40, 60))

    assert scored(profile, pressure_percent=58).overall == pytest.approx(93.270751, abs=5e-7)
    found = scored(profile, pressure_percent=61)
    assert found.overall == 0
    assert found.compliance == pytest.approx(87.121212, abs=5e-7)


def test_it_scores_no_contraction_as_zero() -> None:
    found = score(left=muscle(0, strong=0, held=0), right=RIGHT)

    assert compliances(found)[0] == 0
    assert (found.symmetry, found.limb_symmetry_index) == (0, 0)
    assert symmetry(0, 0) == 0


def test_it_has_no_overall_score_of_one_muscle() -> None:
    found = score(left=LEFT, right=None, circumstances=Circumstances(rpe=6))

    assert (found.overall, found.compliance, found.symmetry) == (None, None, None)
    assert found.left is not None
    assert found.missing == ("right", "compliance", "symmetry")


def test_it_leaves_intensity_out_without_an_mvc() -> None:
    found = score(left=muscle(12, strong=0, held=6, mvc=None), right=RIGHT)

    assert found.left is not None
    assert (found.left.intensity, found.left.missing) == (None, ("intensity",))
    assert found.left.score == pytest.approx(75)
    assert found.strength_symmetry is None


def test_it_scores_again_with_other_targets_from_what_is_stored() -> None:
    before = scored(Profile())

    after = scored(Profile(targets=Targets(contractions=10, mvc_percent=40, duration_s=0.5)))

    assert compliances(after) == pytest.approx((100, 100))
    assert after.profile_version != before.profile_version
    assert scored(Profile()) == before


def test_it_lets_a_muscle_have_its_own_targets() -> None:
    own = replace(LEFT, targets=Targets(contractions=22))

    found = score(left=own, right=RIGHT)

    assert found.left is not None
    assert found.left.completion == 0.5


def test_it_counts_no_more_than_was_asked() -> None:
    found = score(left=muscle(20, strong=20, held=20), right=RIGHT)

    assert found.left is not None
    assert (found.left.completion, found.left.good) == (1, 20)
    assert found.left.score == pytest.approx(100)


@pytest.mark.parametrize(
    ("rpe", "expected"),
    [(0, 20), (1, 20), (2, 60), (3, 80), (4, 100), (5, 100), (6, 100), (7, 80), (8, 60), (10, 20)],
)
def test_it_rates_effort(rpe: float, expected: float) -> None:
    assert effort(rpe, Profile()) == expected


def test_it_rates_effort_by_another_table() -> None:
    table = (10.0, 25.0, 50.0, 85.0, 100.0, 100.0, 75.0, 50.0, 25.0, 15.0, 10.0)

    assert effort(6, Profile(effort_by_rpe=table)) == 75
    assert effort(2.5, Profile(effort_by_rpe=table)) == 85


@pytest.mark.parametrize("rpe", [-1, 10.5, float("nan")])
def test_it_refuses_a_rating_off_the_scale(rpe: float) -> None:
    with pytest.raises(ValueError, match="Borg"):
        effort(rpe, Profile())


def test_it_refuses_a_game_without_a_maximum() -> None:
    with pytest.raises(ValueError, match="maximum"):
        scored(game=Game(points=1, most=0))


def test_it_refuses_a_profile_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="0 to 10"):
        Profile(effort_by_rpe=(1.0,))
    with pytest.raises(ValueError, match="negative"):
        Profile(game=-0.1)


def test_it_reports_other_symmetries_beside() -> None:
    found = scored(Profile())

    assert found.limb_symmetry_index == pytest.approx(100 * 86.111111 / 88.131313, rel=1e-6)
    assert found.strength_symmetry == pytest.approx(
        100 * (8 * 90 + 4 * 50) / 12 / ((9 * 90 + 2 * 50) / 11)
    )


@pytest.mark.parametrize(
    ("done", "day", "expected"), [(5, 2.9, None), (0, 3, 0), (6, 7, 40), (15, 7, 100), (40, 7, 100)]
)
def test_it_measures_adherence_from_the_third_day(
    done: int, day: float, expected: float | None
) -> None:
    assert adherence(done, day=day) == (None if expected is None else pytest.approx(expected))
