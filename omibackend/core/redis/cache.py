"""Django's Redis cache that is missed, not fatal, while Redis is away."""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from omibackend.core.redis import soft_redis

MISSED: dict[str, Any] = {"get_many": {}, "set_many": [], "add": True, "incr": 1}
NAMES = (
    "add",
    "get",
    "set",
    "touch",
    "delete",
    "get_many",
    "set_many",
    "has_key",
    "delete_many",
    "incr",
)


def _missed(name: str) -> Callable[..., Any]:
    inherited = getattr(RedisCache, name)

    def command(self: RedisCache, key: Any, *args: Any, **kwargs: Any) -> Any:
        default = kwargs.get("default", args[0] if args else None) if name == "get" else None
        if soft_redis.breaker.is_open():
            return MISSED.get(name, default)
        try:
            return inherited(self, key, *args, **kwargs)
        except (RedisError, OSError):
            soft_redis.breaker.trip()
            return MISSED.get(name, default)

    return command


class HintCache(RedisCache):
    """What is cached can be computed again: a page works without Redis."""


for _name in NAMES:
    setattr(HintCache, _name, _missed(_name))
