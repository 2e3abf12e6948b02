"""Primary keys."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562): unguessable to a stranger, sequential to an index."""
    return uuid_utils.compat.uuid7()


def first_uuid7(at: datetime) -> UUID:
    """The lowest id that can be made at that moment: a range of time as a range of ids."""
    return UUID(int=(int(at.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62))
