"""Readers for the environment that refuse nonsense by the name of the variable.

Set but empty, as in a copy of `.env.example`, is the default.
"""

import re
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
environ.Env.read_env(ROOT / ".env")
_env = environ.Env()

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
SIZE = re.compile(r"(\d+)\s*(b|kb|mb|gb)?", re.IGNORECASE)
SIZE_BYTES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30}


def text(name: str, default: str = "") -> str:
    return str(_env.str(name, default="")).strip() or default


def flag(name: str, *, default: bool) -> bool:
    value = text(name, str(default)).lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, least: int, most: int) -> int:
    value = text(name, str(default))
    if not re.fullmatch(r"-?\d{1,12}", value) or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {least} to {most}, not {value!r}."
        )
    return int(value)


def size_bytes(name: str, default: str) -> int:
    """A size such as `10mb`, `512kb` or plain bytes."""
    value = text(name, default)
    found = SIZE.fullmatch(value)
    if not found or int(found[1]) == 0:
        raise ImproperlyConfigured(f"{name} must be a size such as 10mb or 512kb, not {value!r}.")
    return int(found[1]) * SIZE_BYTES[(found[2] or "b").lower()]


def price(name: str) -> Decimal | None:
    """A sum such as 0.25; None: not known."""
    value = text(name)
    if not value:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", value):
        raise ImproperlyConfigured(f"{name} must be a price such as 0.25, not {value!r}.")
    return Decimal(value)


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = text(name, default)
    by_lower = {item.lower(): item for item in allowed}
    if value.lower() not in by_lower:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
    return by_lower[value.lower()]


def words(name: str, default: str = "") -> list[str]:
    return [word for word in re.split(r"[,\s]+", text(name, default)) if word]


def url(name: str, schemes: tuple[str, ...], default: str = "") -> str:
    value = text(name, default)
    if value and urlsplit(value).scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must be a URL that starts with {schemes[0]}://.")
    return value


def database(name: str) -> dict[str, object]:
    url(name, ("postgresql", "postgres"))
    return dict(_env.db_url(name))


def together(*names: str) -> dict[str, str]:
    """All of these names, or none of them: {} then."""
    found = {name: text(name) for name in names}
    missing = [name for name, value in found.items() if not value]
    if len(missing) == len(names):
        return {}
    if missing:
        raise ImproperlyConfigured(
            f"{', '.join(missing)} must be set too: {', '.join(names)} belong together."
        )
    return found
