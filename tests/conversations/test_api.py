"""Conversations and transcripts as their person reads them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from conversations.api import views
from conversations.models import Conversation, Message, OmiSession, TranscriptSegment
from conversations.transcripts import search
from conversations.transcripts.finalise import Final, replace_transcript
from omibackend.core.postgres.ids import uuid7
from tests.conftest import payload, work
from tests.conversations.speech import UID, add_batches, at, batch, said
from tests.sender import Sender


@pytest.fixture
def client(api: Callable[..., APIClient], owner: Any) -> APIClient:
    return api(owner)


def heard(owner: Any, *texts: str, begins_s: float = 0, **more: Any) -> OmiSession:
    segments = [said(text, 5.0 * number) for number, text in enumerate(texts)]
    add_batches([batch(owner, *segments, heard_s=begins_s + 5 * len(texts), **more)])
    return OmiSession.objects.latest("id")


def chats(owner: Any, count: int) -> list[Conversation]:
    return Conversation.objects.bulk_create(
        Conversation(
            owner=owner,
            kind="chat",
            key=f"chat-{number}",
            title=f"Chat {number}",
            last_message_at=at(number),
        )
        for number in range(count)
    )


def listed(client: APIClient, query: str = "") -> list[str]:
    answer = client.get(f"/conversations{query}")
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_it_lists_what_was_heard_without_any_question(client: APIClient, owner: Any) -> None:
    session = heard(owner, "The roses need water.")
    (row,) = client.get("/conversations").json()["results"]
    assert (row["kind"], row["id"], row["session_id"]) == ("omi", str(session.pk), str(session.pk))
    transcript = client.get(row["transcript"]).json()
    assert [segment["text"] for segment in transcript["segments"]] == ["The roses need water."]


def test_it_shows_the_memory_that_was_made_of_it(omi: Sender, client: APIClient) -> None:
    omi.post(payload("omi/memory_created__full"))
    omi.post(payload("omi/realtime_transcript__asked"))
    work()
    final = Conversation.objects.get(session__finalised_at__isnull=False)
    found = client.get(f"/conversations/{final.pk}").json()
    assert found["title"] == final.title != ""
    assert len(found["memory_ids"]) == 1
    assert found["heard"]["is_final"] is True


def test_it_lists_chats_and_speech_the_latest_first(client: APIClient, owner: Any) -> None:
    first, second = chats(owner, 2)
    session = heard(owner, "Hello.", begins_s=60)
    assert listed(client) == [str(session.pk), str(second.pk), str(first.pk)]
    assert listed(client, "?kind=chat") == [str(second.pk), str(first.pk)]
    assert listed(client, "?kind=omi") == [str(session.pk)]
    assert listed(client, f"?occurred_after={at(1).isoformat().replace('+', '%2B')}&kind=chat") == [
        str(second.pk)
    ]
    assert listed(client, "?occurred_before=2026-11-20T14:00:01Z") == [str(first.pk)]


@pytest.mark.parametrize(
    "query",
    [
        "?kind=sms",
        "?occurred_after=yesterday",
        "?occurred_after=99999999999-01-01",
        "?occurred_after=",
        "?kind=",
        "?page_size=0",
        "?q=a%00b",
        f"?q={'a' * 501}",
    ],
)
def test_it_refuses_odd_filters(client: APIClient, query: str) -> None:
    assert client.get(f"/conversations{query}").status_code == 400


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("0001-01-01T00:00:00+14:00", 400),
        ("9999-12-31T23:59:59-14:00", 400),
        ("0749-01-25T19:47:10.137-16:08", 200),
        ("2026-11-20T14:00:00-23:59", 200),
    ],
)
def test_it_takes_moments_from_anywhere(client: APIClient, moment: str, status: int) -> None:
    answer = client.get(f"/conversations?occurred_after={quote(moment)}")
    assert answer.status_code == status


def test_it_finds_words_that_were_said_and_written(client: APIClient, owner: Any) -> None:
    garden = heard(owner, "The roses need water.")
    (chat,) = chats(owner, 1)
    Message.objects.create(conversation=chat, role="user", text="About roses", occurred_at=at(0))
    assert listed(client, "?q=roses") == [str(chat.pk)]
    OmiSession.objects.update(last_received_at=timezone.now() - timedelta(minutes=5))
    assert search.settle_silent() == 1
    assert search.settle_silent() == 0
    assert set(listed(client, "?q=roses")) == {str(garden.pk), str(chat.pk)}
    assert listed(client, "?q=%22need+water%22") == [str(garden.pk)]
    assert listed(client, "?q=tulips") == []


def test_it_finds_a_final_transcript_at_once(client: APIClient, owner: Any) -> None:
    replace_transcript(
        Final(
            owner_id=owner.pk,
            uid=UID,
            conversation_id="c1",
            title="Garden",
            language="en",
            started_at=at(0),
            finished_at=at(60),
            segments=[said("The roses need water.", 0)],
            delivery_id=uuid7(),
        )
    )
    (pk,) = listed(client, "?q=garden+roses")
    assert Conversation.objects.get(pk=pk).title == "Garden"


def test_a_silent_conversation_takes_its_place_in_the_list(client: APIClient, owner: Any) -> None:
    heard(owner, "One.")
    last: datetime = timezone.now() - timedelta(minutes=5)
    OmiSession.objects.update(last_received_at=last)
    search.settle_silent()
    assert Conversation.objects.get().last_message_at == last


def test_it_finds_nothing_of_other_people(api: Any, owner: Any, staff: Any) -> None:
    heard(owner, "The roses need water.")
    search.index([OmiSession.objects.get().pk])
    assert listed(api(staff)) == listed(api(staff), "?q=roses") == []


def test_two_people_cannot_reach_each_others(api: Any, owner: Any, staff: Any) -> None:
    session = heard(owner, "The roses need water.")
    mine, theirs = api(owner), api(staff)
    for route in ("conversations/{}", "conversations/{}/messages", "transcript/{}"):
        path = f"/{route.format(session.pk)}"
        assert theirs.get(path).status_code == 404
        assert mine.get(path).status_code == 200
        assert api().get(path).status_code == 401
    assert theirs.delete(f"/conversations/{session.pk}").status_code == 404
    assert OmiSession.objects.exists()


@pytest.mark.parametrize("pk", [uuid4(), "0" * 36, "00000000-0000-0000-0000-00000000000-", "x"])
@pytest.mark.parametrize("path", ["conversations/{}", "conversations/{}/messages", "transcript/{}"])
def test_it_knows_no_such_id(client: APIClient, path: str, pk: object) -> None:
    assert client.get(f"/{path.format(pk)}").status_code == 404


def test_a_named_token_reads_but_does_not_delete(api: Any, owner: Any) -> None:
    session = heard(owner, "Hello.")
    reader = api(owner, ["read"])
    assert reader.get(f"/conversations/{session.pk}/").status_code == 200
    assert reader.delete(f"/conversations/{session.pk}").status_code == 403


def test_it_pages_through_messages(client: APIClient, owner: Any) -> None:
    (chat,) = chats(owner, 1)
    for number in range(3):
        Message.objects.create(
            conversation=chat, role="user", text=str(number), occurred_at=at(number)
        )
    page = client.get(f"/conversations/{chat.pk}/messages?page_size=2").json()
    assert [message["text"] for message in page["results"]] == ["2", "1"]
    assert [m["text"] for m in client.get(page["next"]).json()["results"]] == ["0"]


def test_it_tells_the_transcript_as_text(client: APIClient, owner: Any) -> None:
    session = heard(owner, "The roses need water.", "I know.")
    path = f"/transcript/{session.pk}"
    text = client.get(f"{path}?format=text")
    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert text.content.decode() == "[0:00] You: The roses need water.\n[0:05] You: I know.\n"
    assert client.get(path, HTTP_ACCEPT="text/plain").content == text.content
    assert client.get(path, HTTP_ACCEPT="*/*")["Content-Type"] == "application/json"
    assert client.get(f"{path}?format=json", HTTP_ACCEPT="text/plain").json()["next"] is None
    assert client.get(f"{path}?format=xml").status_code == 400
    assert client.get(path, HTTP_ACCEPT="image/png").status_code == 406
    missing = client.get(f"/transcript/{uuid4()}", HTTP_ACCEPT="text/plain")
    assert missing["Content-Type"] == "application/json"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_it_pages_through_a_transcript_in_order(
    client: APIClient, owner: Any, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Also where times are equal or missing."""
    monkeypatch.setattr(views, "SEGMENTS", size)
    spoken = [said(str(number), start) for number, start in enumerate((4.0, 1.0, 1.0, 1.0, 9.0))]
    silent = [said(f"untimed {number}") for number in range(2)]
    add_batches([batch(owner, *spoken, *silent)])
    session = OmiSession.objects.get()
    TranscriptSegment.objects.filter(text="2").update(end_s=None)
    link = f"/transcript/{session.pk}"
    found: list[str] = []
    while link:
        page = client.get(link).json()
        assert len(page["segments"]) <= size
        found += [segment["text"] for segment in page["segments"]]
        link = page["next"]
    assert found == [segment.text for segment in session.segments.in_order()]
    text = client.get(f"/transcript/{session.pk}?format=text")
    assert ("Link" in text) is (size < len(found))


@pytest.mark.parametrize("after", ["x", "-1", "", "9" * 40, "%00", "٣"])
def test_it_refuses_a_place_that_is_none(client: APIClient, owner: Any, after: str) -> None:
    session = heard(owner, "Hello.")
    assert client.get(f"/transcript/{session.pk}?after={after}").status_code == 400
    assert client.get(f"/transcript/{session.pk}?after=0").status_code == 404


def test_a_page_costs_the_same_queries_whatever_it_holds(
    client: APIClient, owner: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    chats(owner, 30)
    heard(owner, "Hello.")
    with django_assert_max_num_queries(4):  # three for the token
        assert len(listed(client)) == 31


@pytest.mark.parametrize("condition", ["", "AND kind = 'chat'"])
def test_a_deep_page_reads_the_index(owner: Any, staff: Any, condition: str) -> None:
    chats(owner, 2000)
    chats(staff, 20_000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations_conversation")
        cursor.execute(
            "EXPLAIN SELECT * FROM conversations_conversation WHERE owner_id = %s "  # noqa: S608
            f"{condition} AND (last_message_at, id) < (%s, %s) "
            "ORDER BY last_message_at DESC, id DESC LIMIT 51",
            [owner.pk, at(1500), uuid4()],
        )
        plan = "\n".join(line for (line,) in cursor)
    assert "Index Scan using conversation_owner" in plan
    assert "Sort" not in plan


def test_conversations_that_turn_out_to_be_one_keep_their_messages(
    client: APIClient, owner: Any, settings: Settings
) -> None:
    settings.SESSION_GAP_SECONDS = 5
    first = heard(owner, "One.")
    second = heard(owner, "Two.", begins_s=0)
    assert first == second
    add_batches([batch(owner, said("Far.", 30), heard_s=31)])
    far = OmiSession.objects.latest("id")
    Message.objects.create(conversation_id=far.pk, role="user", text="Kept", occurred_at=at(0))
    client.patch("/preferences", {"default_conversation": str(far.pk)}, "json")
    add_batches([batch(owner, *(said("So.", at_s) for at_s in range(4, 30, 3)), heard_s=32)])
    (pk,) = listed(client)
    assert client.get("/preferences").json()["default_conversation"] == pk
    assert client.get(f"/conversations/{pk}/messages").json()["results"][0]["text"] == "Kept"
    assert OmiSession.objects.count() == Conversation.objects.count() == 1
