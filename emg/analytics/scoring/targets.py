"""What a contraction is measured by. Targets and MVC may change; what was measured does not."""

from collections.abc import Iterable
from dataclasses import replace

from emg.analytics.results import Contraction


def judge(
    contractions: Iterable[Contraction],
    *,
    mvc: float | None,
    mvc_percent: float,
    duration_s: float,
) -> tuple[Contraction, ...]:
    """The contractions held against an MVC in their unit and against what a good one reaches.

    As analysed or as stored: no sample is needed, and whatever was judged before is replaced.
    """

    def judged(given: Contraction) -> Contraction:
        reached = 100 * given.peak / mvc if mvc else None
        strong = reached >= mvc_percent if reached is not None else None
        held = given.duration_s >= duration_s
        return replace(
            given,
            mvc_percent=reached,
            meets_mvc=strong,
            meets_duration=held,
            good=held and strong is not False,
        )

    return tuple(map(judged, contractions))
