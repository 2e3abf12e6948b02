"""Log lines as JSON: ids, sizes and timings, never what a person said or wrote."""

import logging
import traceback
from pathlib import Path
from typing import Any

import orjson
import structlog

from omibackend.core.request_id import current_request_id

# Fields that could carry a person's words, number or token if a caller forgot itself.
PRIVATE = frozenset(
    {"authorization", "body", "cookie", "data", "message", "number", "phone", "question", "quote"}
    | {"secret", "segments", "text", "token", "transcript", "uid", "url"}
)


def add_request_id(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    request_id = current_request_id()
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def mask_private(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    for name in PRIVATE & event.keys():
        event[name] = "[masked]"
    return event


def where_it_failed(_: Any, __: str, event: dict[str, Any]) -> dict[str, Any]:
    """The class and the frames of an exception. Its message may quote a row or a body."""
    found = event.pop("exc_info", None)
    if not found:
        return event
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        from omibackend.core.errors import describe

        frames = traceback.extract_tb(error.__traceback__)[-8:]
        event["error"] = describe(error)
        event["error_class"] = type(error).__name__
        event["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _dumps(event: Any, **_: Any) -> str:
    """Much quicker than `json`, and a line is written for almost every request."""
    return orjson.dumps(event, default=str).decode()


def _handlers(folder: Path | None) -> dict[str, Any]:
    handlers: dict[str, Any] = {
        "stderr": {"class": "logging.StreamHandler", "formatter": "lines"},
    }
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        # WatchedFileHandler follows logrotate; several processes may append to it.
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": str(folder / "omibackend.log"),
            "formatter": "lines",
        }
    return handlers


def config(*, level: str, folder: Path | None, readable: bool, sql: bool) -> dict[str, Any]:
    """The LOGGING setting. `folder` adds a file beside the error stream."""
    # A handler that fails would print the record with its exception's message.
    logging.raiseExceptions = False
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        add_request_id,
        mask_private,
        where_it_failed,
    ]
    renderer = (
        structlog.dev.ConsoleRenderer()
        if readable
        else structlog.processors.JSONRenderer(serializer=_dumps)
    )
    handlers = _handlers(folder)
    names = list(handlers)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "lines": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    renderer,
                ],
            }
        },
        "handlers": handlers,
        "root": {"handlers": names, "level": "WARNING"},
        "loggers": {
            "omibackend": {"level": level},
            "django": {"handlers": [], "level": level if level != "DEBUG" else "INFO"},
            # It logs whole paths, and a path may hold a token: core.middleware says the same.
            "django.request": {"level": "CRITICAL"},
            "django.server": {"handlers": [], "level": "WARNING"},
            "django.db.backends": {"level": "DEBUG" if sql else "INFO"},
            # RQ logs each job with its arguments at INFO; ours are ids, and still say nothing.
            "rq": {"level": "WARNING"},
            "rq.worker": {"handlers": names, "level": "WARNING", "propagate": False},
            "rq.scheduler": {"handlers": names, "level": "WARNING", "propagate": False},
            "granian": {"level": "WARNING"},
            # They name the address and the person that failed to log in; the row says it.
            "axes": {"level": "CRITICAL"},
            "allauth": {"level": "CRITICAL"},
        },
    }


def logger(name: str) -> logging.Logger:
    return logging.getLogger(f"omibackend.{name}")
