"""What a storage sender is answered: what is in the file, while its analysis is on the way."""

import json
import threading
from time import monotonic, sleep
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from emg.models import Recording, Status
from emg.recordings import jobs
from emg.recordings.registry import Announced, known_as, read_metadata, register
from emg.storage import NotThere, ObjectName, StoreAway, store
from omibackend.core.logging import logger
from omibackend.core.work import lanes
from webhooks.inbox.provider import Incoming, KnownEndpoint, Parsed, Stored
from webhooks.providers.storage.payloads import WHY_NOT, StorageMessage

# Threads of a process that may read from a store, or wait for an analysis, at a time.
READERS = threading.BoundedSemaphore(2)
WAITERS = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))
REST_S = 10.0
POLL_S = 0.1
MARGIN_S = 1.0
log = logger("storage")


class Rest:
    """After a store did not answer in time nobody else waits for it for a while."""

    until = 0.0


def respond(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored | None
) -> HttpResponse:
    answer, _ = _answer(endpoint, parsed.payload, stored)
    return _response(answer, stored)


def respond_when_analysed(
    endpoint: KnownEndpoint, incoming: Incoming, parsed: Parsed, stored: Stored | None
) -> HttpResponse:
    """As `respond`, with the analytics if they are made within REQUEST_TIMEOUT; else 202."""
    answer, recording = _answer(endpoint, parsed.payload, stored)
    if recording is None:
        return _response(answer, stored)
    done = _when_done(recording)
    if done is None:
        return _response(answer, stored, status=202)
    return _response(answer | _outcome(done), stored)


def _response(answer: dict[str, Any], stored: Stored | None, status: int = 200) -> HttpResponse:
    if stored and not stored.fresh:
        answer["duplicate"] = True
    # Not orjson: PostgreSQL hands 1e40 back as an integer of 41 digits.
    content = json.dumps(answer, ensure_ascii=False)
    response = HttpResponse(content, content_type="application/json", status=status)
    if stored:
        response["X-Delivery-ID"] = str(stored.id)
    return response


def _answer(
    endpoint: KnownEndpoint, told: StorageMessage, stored: Stored | None
) -> tuple[dict[str, Any], Recording | None]:
    """The delivery is stored, and its job makes the recording too: whatever fails here costs the
    sender no more than the metadata."""
    if not told.objects or stored is None:
        return {
            "success": True,
            "session_id": None,
            "metadata": None,
            "analytics_status": "ignored",
            "reason": WHY_NOT[told.event],
        }, None
    announced = told.objects[0]
    recording = _registered(endpoint, announced, stored)
    answer = {
        "success": True,
        "session_id": recording.session_id if recording else announced.default_session_id,
        "metadata": _metadata(announced.name, recording),
        "analytics_status": _status(recording),
    }
    return answer, recording


def _registered(endpoint: KnownEndpoint, announced: Announced, stored: Stored) -> Recording | None:
    try:
        if not stored.fresh:
            return known_as(announced, endpoint.owner_id)
        recording, _ = register(
            announced,
            owner_id=endpoint.owner_id,
            delivery_id=stored.id,
            received_at=timezone.now(),
            early=True,
        )
    except Exception as error:
        log.warning("recording left to the job", exc_info=error)
        return None
    if settings.ENABLE_BACKGROUND_JOBS:
        lanes.waker().mark(jobs.LANE)
    return recording


def _status(recording: Recording | None) -> str:
    if recording and recording.status in (Status.COMPLETED, Status.FAILED):
        return recording.status
    return Status.PROCESSING


def _metadata(name: ObjectName, recording: Recording | None) -> dict[str, Any] | None:
    """None where it cannot be had now, or is not that of a file that can be read."""
    if recording and recording.status == Status.COMPLETED:
        return recording.metadata
    if monotonic() < Rest.until or not READERS.acquire(blocking=False):
        return None
    try:
        return read_metadata(store(quick=True), name)
    except NotThere:
        return None
    except Exception as error:
        Rest.until = monotonic() + REST_S
        if not isinstance(error, StoreAway):
            log.warning("no metadata in the answer", exc_info=error)
        return None
    finally:
        READERS.release()


def _when_done(recording: Recording) -> Recording | None:
    """The recording once it is analysed or has failed; None if that takes too long, or too many
    wait already."""
    if not WAITERS.acquire(blocking=False):
        return None
    try:
        until = monotonic() + settings.REQUEST_TIMEOUT_MS / 1000 - MARGIN_S
        rows = Recording.objects.filter(pk=recording.pk)
        while monotonic() < until:
            found = rows.defer("attempt_log", "notes").first()
            if found is None or found.status in (Status.COMPLETED, Status.FAILED):
                return found
            sleep(POLL_S)
        return None
    finally:
        WAITERS.release()


def _outcome(recording: Recording) -> dict[str, Any]:
    if recording.status == Status.FAILED:
        return {
            "success": False,
            "metadata": recording.metadata,
            "analytics_status": recording.status,
            "reason": recording.last_error,
        }
    return {
        "metadata": recording.metadata,
        "analytics_status": recording.status,
        "analytics": recording.analytics,
        "scores": recording.scores,
    }
