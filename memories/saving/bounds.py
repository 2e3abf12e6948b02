"""How much of a sender's loose ends is kept with a memory; the delivery holds all of it."""

from typing import Any

MOST_CHARS = 4000
MOST_ENTRIES = 100
MOST_DEPTH = 5


def bounded(value: Any, depth: int = 0) -> Any:
    """JSON cut to a size that a page can show: long text, long lists and deep nests end early."""
    if isinstance(value, str):
        return value[:MOST_CHARS]
    if isinstance(value, dict | list) and depth >= MOST_DEPTH:
        return None
    if isinstance(value, dict):
        kept = list(value.items())[:MOST_ENTRIES]
        return {str(key)[:100]: bounded(item, depth + 1) for key, item in kept}
    if isinstance(value, list | tuple):
        return [bounded(item, depth + 1) for item in value[:MOST_ENTRIES]]
    return value
