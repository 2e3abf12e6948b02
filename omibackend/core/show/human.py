"""Figures as a person reads them."""

from datetime import datetime, timedelta

from django.utils import timezone

NARROW = "\u202f"
STEPS = ((86_400 * 2, 86_400, "d"), (7200, 3600, "h"), (120, 60, "min"))


def count(number: int) -> str:
    return f"{number:,}".replace(",", NARROW)


def size(number: float) -> str:
    """Bytes in the decimal units that download managers show."""
    unit = "B"
    for larger in ("kB", "MB", "GB"):
        if number >= 1000:
            number, unit = number / 1000, larger
    return f"{number:.{0 if unit == 'B' or number >= 100 else 1}f} {unit}"


def span(seconds: float) -> str:
    """One unit, for ages and waits: 58 ms, 1.9 s, 30 s, 2 min, 7 h, 6 d."""
    if seconds < 1:
        return f"{max(seconds, 0) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    for least, unit_s, name in STEPS:
        if seconds >= least:
            return f"{seconds // unit_s:.0f} {name}"
    return f"{seconds:.0f} s"


def length(seconds: float) -> str:
    """Two units, for how long something lasted: 7 min 11 s."""
    whole = max(round(seconds), 0)
    minutes, rest_s = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest_s, "s")]
    said = [f"{number} {name}" for number, name in parts if number]
    return " ".join(said[:2]) or "0 s"


def ago(moment: datetime) -> str:
    age = timezone.now() - moment
    return "just now" if age < timedelta(seconds=1) else f"{span(age.total_seconds())} ago"


def moment(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %Y, %H:%M:%S}"


def clock(at: datetime) -> str:
    """Without the year: enough in a list of attempts."""
    local = timezone.localtime(at)
    return f"{local.day} {local:%b %H:%M:%S}"


def several(number: int, one: str, many: str | None = None) -> str:
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def minutes(seconds: float) -> str:
    """A place on a recording's clock: 6:36, 1:02:07."""
    minute, second = divmod(max(int(seconds), 0), 60)
    hour, minute = divmod(minute, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def initials(name: str) -> str:
    """Two signs at most; a number stays, so that Speaker 3 is not taken for Sarah."""
    words = name.split()
    return "".join(word if word.isdigit() else word[:1].upper() for word in words[:2])[:2]
