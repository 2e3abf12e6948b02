"""How often somebody may ask."""

import time
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle

from omibackend.core.http.addresses import counted_address


class Throttle(ScopedRateThrottle):
    """Counts in one step, so that requests of the same moment cannot slip past each other as they
    do past DRF's own. Without the cache nothing is limited."""

    left_s = 0

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = getattr(view, self.scope_attr, None)
        if not self.scope:
            return True
        limit, window_s = self.parse_rate(self.get_rate())
        if limit is None or window_s is None:
            return True
        now_s = int(time.time())
        self.left_s = window_s - now_s % window_s
        key = f"throttle:{self.scope}:{_who(request)}:{now_s // window_s}"
        return _counted(key, window_s) <= limit

    def wait(self) -> float:
        return self.left_s


def _counted(key: str, window_s: int) -> int:
    cache.add(key, 0, 2 * window_s)
    try:
        return cache.incr(key)
    except ValueError:  # it was evicted in between
        return 1


def _who(request: Request) -> str:
    if request.user and request.user.is_authenticated:
        return f"user-{request.user.pk}"
    return counted_address(request)
