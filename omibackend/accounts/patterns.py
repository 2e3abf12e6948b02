"""The regular expressions that people write, in RE2: whatever they are, matching takes time in
proportion to the text."""

from functools import lru_cache
from typing import Any

import re2

# Bounds the size of a compiled pattern, and with it the time that each character costs.
MEMORY_BYTES = 1 << 17


class NotAPattern(ValueError):
    """Why a pattern is refused, in words for the person who wrote it."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """Ignores case. Its `\\\\w` and `\\\\b` know ASCII letters only, as RE2 has it."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise NotAPattern(_why(pattern, error)) from error


def _why(pattern: str, error: Exception) -> str:
    said = error.args[0]
    reason = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    if "(?" in reason:
        return f"Lookaheads and lookbehinds are not supported ({reason})."
    if "escape" in reason and any(f"\\{digit}" in pattern for digit in "123456789"):
        return f"Backreferences are not supported ({reason})."
    return f"This is not a regular expression: {reason}."
