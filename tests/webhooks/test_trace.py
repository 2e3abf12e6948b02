"""From a memory back to the bytes that told it."""

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from conversations.models import OmiSession
from memories.models import Memory
from tests.conftest import PAYLOADS, payload, work
from tests.sender import Sender
from webhooks.inbox.endpoints import strip
from webhooks.models import Delivery, Endpoint, OmiLink
from webhooks.providers.omi import shared
from webhooks.providers.registry import PROVIDERS

MEMORY = payload("omi/memory_created__full")


def trace(client: Any, memory: Memory) -> Any:
    answer = client.get(f"/memories/{memory.pk}/trace")
    assert answer.status_code == 200
    return answer.json()


def tell(omi: Sender, *bodies: Any) -> Memory:
    for body in bodies:
        omi.post(body)
        work("inbox")
    return Memory.objects.get()


def assert_ends_at_its_bytes(found: Any, posted: dict[str, bytes]) -> None:
    assert found["written_at"] is None
    assert found["deliveries"]
    assert found["deliveries_gone"] == []
    for row in found["deliveries"]:
        sha256 = hashlib.sha256(posted[row["id"]]).hexdigest()
        assert (row["body_sha256"], row["body_held"], row["body_verified"]) == (sha256, True, True)
        assert bytes(Delivery.objects.get(pk=row["id"]).body_sha256).hex() == sha256


def test_it_traces_all_of_the_demo_data(omi: Sender, api: Any) -> None:
    posted = {}
    for sample in PROVIDERS["omi"].samples():
        raw = json.dumps(sample.body).encode()
        answer = omi.post(raw, query=dict(sample.query), headers=dict(sample.headers))
        posted[answer["X-Delivery-ID"]] = raw
        work()
    memories = list(Memory.objects.all())
    assert len(memories) == 3
    client = api(omi.endpoint.owner)
    for memory in memories:
        found = trace(client, memory)
        assert_ends_at_its_bytes(found, posted)
        assert found["segments_missing"] == 0
        became = [entry["id"] for row in found["deliveries"] for entry in row["became"]]
        assert str(memory.pk) in became
        told = [segment for part in found["words"] for segment in part["segments"]]
        assert [segment["key"] for segment in told] == memory.segment_keys


def test_it_traces_every_recorded_payload(omi: Sender, api: Any) -> None:
    posted = {}
    for path in sorted((PAYLOADS / "omi").glob("*.json")):
        if "vector" not in path.name:
            answer = omi.post(path.read_bytes())
            posted[answer["X-Delivery-ID"]] = path.read_bytes()
            work()
    assert Memory.objects.count() == 5  # one of them a note: "Hey Omi, remember this …"
    for memory in Memory.objects.all():
        assert_ends_at_its_bytes(trace(api(omi.endpoint.owner), memory), posted)


def test_it_shows_the_words_in_order(omi: Sender, api: Any) -> None:
    memory = tell(omi, payload("omi/realtime_transcript__asked"), MEMORY)
    (part,) = trace(api(omi.endpoint.owner), memory)["words"]
    said = [segment["text"] for segment in part["segments"]]
    assert said == [segment["text"] for segment in MEMORY["transcript_segments"]]
    assert part["final"] is True
    assert {segment["delivery_id"] for segment in part["segments"]} == {str(memory.delivery_id)}
    assert [segment["speaker"] for segment in part["segments"]] == ["You", "Sarah"]


def test_it_shows_each_delivery_that_told_a_version(omi: Sender, api: Any) -> None:
    memory = tell(omi, MEMORY, payload("omi/memory_created__resent"))
    found = trace(api(omi.endpoint.owner), memory)["deliveries"]
    assert [row["id"] for row in found] == [str(row.pk) for row in omi.deliveries()]


def test_it_finds_the_words_without_a_conversation_id(omi: Sender, api: Any) -> None:
    omi.post(payload("omi/combined__seed"), query={})
    work("inbox")
    found = trace(api(omi.endpoint.owner), Memory.objects.get())
    assert found["words"][0]["segments"][0]["text"] == "Hey Omi, remember this"


def test_it_says_that_bytes_were_changed(omi: Sender, api: Any) -> None:
    memory = tell(omi, MEMORY)
    Delivery.objects.update(body=b'{"forged": true}')
    (row,) = trace(api(omi.endpoint.owner), memory)["deliveries"]
    assert (row["body_held"], row["body_verified"]) == (True, False)


def test_it_says_what_retention_removed(omi: Sender, api: Any) -> None:
    memory = tell(omi, MEMORY)
    strip(Delivery.objects.all())
    (row,) = trace(api(omi.endpoint.owner), memory)["deliveries"]
    assert (row["body_held"], row["body_verified"]) == (False, None)
    assert row["body_sha256"] == bytes(omi.deliveries()[0].body_sha256).hex()
    Delivery.objects.all().delete()
    OmiSession.objects.all().delete()
    found = trace(api(omi.endpoint.owner), memory)
    assert (found["deliveries"], found["words"]) == ([], [])
    assert found["deliveries_gone"] == [str(memory.delivery_id)]
    assert found["segments_missing"] == len(MEMORY["transcript_segments"])


def test_it_ends_at_the_person_who_wrote_it(owner: Any, api: Any) -> None:
    note = Memory.objects.create(
        owner=owner, kind="note", source="api", text="Mine.", occurred_at=timezone.now()
    )
    found = trace(api(owner), note)
    note.refresh_from_db()
    assert found["written_at"] == note.created_at.isoformat().replace("+00:00", "Z")
    assert (found["deliveries"], found["words"]) == ([], [])


def test_it_shows_no_delivery_that_is_anothers(
    omi: Sender, owner: Any, staff: Any, api: Any
) -> None:
    memory = tell(omi, MEMORY)
    Endpoint.objects.update(owner=staff)
    found = trace(api(owner), memory)
    assert found["deliveries"] == []
    assert found["deliveries_gone"] == [str(memory.delivery_id)]


def test_it_traces_through_a_shared_endpoint(omi: Sender, owner: Any, staff: Any, api: Any) -> None:
    Endpoint.objects.update(owner=staff, shared=True)
    OmiLink.objects.create(user=owner, uid=omi.uid)
    shared.cache.clear()
    memory = tell(omi, MEMORY)
    assert trace(api(owner), memory)["deliveries"][0]["body_verified"] is True


def test_it_knows_nothing_of_anothers(omi: Sender, staff: Any, api: Any) -> None:
    memory = tell(omi, MEMORY)
    for pk in (memory.pk, uuid4(), "-" * 36, "0" * 36):
        assert api(staff).get(f"/memories/{pk}/trace").status_code == 404
    assert api().get(f"/memories/{memory.pk}/trace/").status_code == 401


def test_it_costs_the_same_for_many_words(
    omi: Sender, api: Any, django_assert_max_num_queries: Any
) -> None:
    many = [{**MEMORY["transcript_segments"][0], "id": f"s{n}"} for n in range(200)]
    memory = tell(omi, {**MEMORY, "transcript_segments": many})
    client = api(omi.endpoint.owner)
    trace(client, memory)
    with django_assert_max_num_queries(9):
        assert len(trace(client, memory)["words"][0]["segments"]) == 200


@pytest.mark.parametrize("scopes", [["read"], None])
def test_it_is_for_who_may_read(omi: Sender, api: Any, scopes: Any) -> None:
    memory = tell(omi, MEMORY)
    assert trace(api(omi.endpoint.owner, scopes), memory)
    blind = api(omi.endpoint.owner, ["chat"])
    assert blind.get(f"/memories/{memory.pk}/trace").status_code == 403
