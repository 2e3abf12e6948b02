"""Two at once, on real connections that commit."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.utils import timezone

from emg.models import Recording
from emg.recordings.analysis import Changing, alone_with
from emg.recordings.registry import Announced, register
from emg.storage import ObjectName
from tests.emg.uploads import BUCKET, PATH
from tests.memories.test_concurrency import at_once

pytestmark = pytest.mark.django_db(transaction=True)
NAME = ObjectName(BUCKET, PATH)
FIRST = Announced(NAME)
SECOND = Announced(NAME, version="v1", completes=True)


def tell(owner: Any, announced: Announced) -> str:
    told = {"owner_id": owner.pk, "delivery_id": uuid4(), "received_at": timezone.now()}
    return register(announced, **told)[1]


def test_it_makes_one_recording_of_one_object(owner: Any) -> None:
    how = at_once(*[lambda: tell(owner, FIRST) for _ in range(8)])
    assert sorted(how) == ["created"] + ["unchanged"] * 7
    assert Recording.objects.count() == 1


def test_it_makes_one_recording_of_both_messages(owner: Any) -> None:
    at_once(*[lambda: tell(owner, FIRST), lambda: tell(owner, SECOND)] * 4)
    assert Recording.objects.get().object_version == "v1"


def test_it_analyses_the_same_content_in_one_place_at_a_time(owner: Any) -> None:
    connection.ensure_connection()
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(1, hashtext('abc'))")
            with pytest.raises(Changing), alone_with("abc"):
                pass
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        other.close()
    with alone_with("abc"):
        pass
