"""Primary keys."""

from uuid import UUID

import uuid_utils.compat


def uuid7() -> UUID:
    """A time-ordered UUID (RFC 9562): unguessable to a stranger, sequential to an index."""
    return uuid_utils.compat.uuid7()
