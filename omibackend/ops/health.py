"""Whether this installation can do its work, and what it is."""

import resource
import time
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections
from rq import Worker

from omibackend.core.redis import soft_redis
from webhooks.inbox import status

STARTED = time.monotonic()


def database_answers() -> bool:
    """Asks the acknowledgement's own connection: it is the one that must be able to write."""
    connection = connections["ingest"]
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            return not cursor.fetchone()[0]
    except DatabaseError:
        connection.close()
        return False


def redis_answers() -> bool:
    return bool(soft_redis.try_command(lambda redis: redis.ping()))


def workers_alive() -> int | None:
    """Registered RQ workers; None when Redis cannot be asked."""
    return soft_redis.try_command(lambda redis: Worker.count(connection=redis))


def features() -> dict[str, bool]:
    return {
        "backgroundJobs": settings.ENABLE_BACKGROUND_JOBS,
        "contextActivation": settings.ENABLE_CONTEXT_ACTIVATION,
        "promptWorkers": settings.ENABLE_PROMPT_WORKERS,
        "userSystem": settings.ENABLE_USER_SYSTEM,
        "openIdConnect": settings.ENABLE_USER_SYSTEM and bool(settings.OIDC),
        "languageModel": bool(settings.OPENAI_API_KEY),
    }


def health() -> dict[str, Any]:
    """The whole picture. Only a database that takes no delivery makes it unhealthy."""
    database = database_answers()
    redis = redis_answers()
    workers = workers_alive()
    return {
        "status": "ok" if database and redis and workers else "degraded" if database else "down",
        "version": settings.VERSION,
        "database": "ok" if database else "down",
        "redis": "ok" if redis else "down",
        "workers_alive": workers,
        "oldest_unprocessed_seconds": status.oldest_unfinished_s() if database else None,
        "memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "uptime_seconds": round(time.monotonic() - STARTED, 1),
        "features": features(),
    }
