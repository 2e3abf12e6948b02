"""What an object's path says: patient, session, when it was recorded."""

import hashlib
import re
from datetime import UTC, datetime

# P039/P039S003/Ghostly_Emg_20230321_17-23-09-0409.c3d
SESSION = re.compile(r"(?<![A-Za-z0-9])(P\d{3,4})[/_-]?(S\d{3})(?!\d)", re.IGNORECASE)
PATIENT = re.compile(r"(?<![A-Za-z0-9])(P\d{3,4})(?![A-Za-z0-9])", re.IGNORECASE)
MOMENT = re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[_T-](\d\d)-?(\d\d)-?(\d\d)(?!\d)")
STEM_CHARS = 40


def session_code(path: str) -> str:
    """`P039S003`; "" where the path has none."""
    found = SESSION.search(path)
    return f"{found[1]}{found[2]}".upper() if found else ""


def patient_code(path: str) -> str:
    found = SESSION.search(path) or PATIENT.search(path)
    return found[1].upper() if found else ""


def session_id(bucket: str, path: str) -> str:
    """The public name of an object that was given none: readable, and no other object's."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    words = session_code(path) or re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:STEM_CHARS]
    unique = hashlib.sha256(f"{bucket}/{path}".encode()).hexdigest()[:8]
    return f"{words or 'session'}-{unique}"


def recorded_at(path: str) -> datetime | None:
    """Of the file's own name. Recorders name no time zone: taken for UTC."""
    found = MOMENT.search(path.rpartition("/")[2])
    return moment([int(part) for part in found.groups()]) if found else None


def moment(parts: list[int]) -> datetime | None:
    """Year, month, day, hour, minute and maybe second; None if that is no time."""
    try:
        return datetime(*parts[:6], tzinfo=UTC)  # type: ignore[misc,arg-type]
    except (ValueError, TypeError):
        return None
