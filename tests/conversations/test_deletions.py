"""What a person deletes is gone, whatever is sent again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from conversations.models import (
    Conversation,
    DeletedWords,
    Listening,
    Message,
    OmiSession,
    Question,
    TranscriptSegment,
)
from memories.models import Memory
from omibackend.core.work import draining, leased, registry
from omibackend.core.work.effects import Change, Effect
from tests.conftest import payload, work
from tests.sender import Sender
from webhooks.models import Delivery

MEMORY = payload("omi/memory_created__full")
CANARY = "xylophone"
KEPT = {"webhooks_delivery", "django_admin_log"}


def segment(text: str, start_s: float | None, **more: Any) -> dict[str, Any]:
    end_s = None if start_s is None else start_s + 2
    who = {"speaker": "SPEAKER_00", "is_user": True}
    return {"id": str(uuid4()), "text": text, "start": start_s, "end": end_s, **who, **more}


LIVE = [
    segment(f"So the {CANARY} arrives on Friday.", 1.0),
    segment(f"Hey Omi, what about the {CANARY}?", 5.0),
]
FINAL = {
    "id": "conversation-1",
    "structured": {
        "title": f"The {CANARY}",
        "overview": f"A {CANARY} arrives.",
        "action_items": [{"description": f"Unpack the {CANARY}"}],
    },
    "transcript_segments": [segment(f"So the {CANARY} arrives on Friday. Hey Omi.", 1.0)],
}


def hits() -> list[str]:
    """The tables in which the word stands, apart from the raw bodies."""
    found = []
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names(cursor)) - KEPT):
            sql = f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s'  # noqa: S608
            cursor.execute(sql, [f"%{CANARY}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def replay() -> None:
    """Every delivery once more, as an operator does it."""
    leased.replay(Delivery.objects.all())
    work()


def remove(client: APIClient) -> None:
    for conversation in client.get("/conversations").json()["results"]:
        assert client.delete(f"/conversations/{conversation['id']}").status_code == 204


def said() -> list[str]:
    return list(TranscriptSegment.objects.order_by("pk").values_list("text", flat=True))


@pytest.fixture
def client(api: Callable[..., APIClient], owner: Any) -> APIClient:
    return api(owner)


def test_it_deletes_all_of_a_conversation(omi: Sender, client: APIClient) -> None:
    assert CANARY in omi.post({"segments": LIVE}).json()["message"]
    omi.post(FINAL)
    work()
    assert {"conversations_message", "memories_memory", "memories_actionitem"} <= set(hits())
    remove(client)
    assert hits() == []
    assert client.get(f"/conversations?q={CANARY}").json()["results"] == []
    assert not Question.objects.exists()


def test_it_stays_deleted_when_all_is_sent_and_worked_again(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE[:1]})
    work()
    omi.post({"segments": LIVE[1:]})
    omi.post(FINAL)
    work()
    remove(client)
    replay()
    for body in ({"segments": LIVE}, FINAL, {**FINAL, "segments": LIVE}):
        assert "message" not in omi.post(body).json()
    work()
    replay()
    assert hits() == []
    assert not OmiSession.objects.exists()
    assert not Conversation.objects.exists()
    assert not Memory.objects.exists()


def test_it_says_what_became_of_a_deleted_one(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE[:1]})
    work()
    remove(client)
    replay()
    assert Delivery.objects.get().effects == [Effect.on("session", "", Change.DELETED_BEFORE)]


@pytest.mark.parametrize("shared_id", [True, False])
def test_it_takes_no_memory_of_what_was_deleted_while_it_was_heard(
    omi: Sender, client: APIClient, shared_id: bool
) -> None:
    """The final transcript has the ids of the live one, or only began when that did."""
    omi.post({"segments": LIVE[:1]})
    work()
    began_at = OmiSession.objects.get().started_at
    remove(client)
    final = {**FINAL, "started_at": began_at.isoformat()}
    if shared_id:
        final = {**FINAL, "transcript_segments": [{**LIVE[0], "text": f"The {CANARY}"}]}
    omi.post(final)
    work()
    assert hits() == []
    omi.post({**FINAL, "transcript_segments": []})
    work()
    assert hits() == []


def test_it_takes_what_is_said_after_it(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE[:1]})
    work()
    remove(client)
    omi.post({"segments": [LIVE[0], segment("And then we left.", 9.0)]})
    work()
    assert said() == ["And then we left."]
    session = OmiSession.objects.get()
    assert session.segment_count == 1
    assert Conversation.objects.get().session == session


@pytest.mark.parametrize("key", [{"id": None}, {"id": 7}])
def test_it_takes_the_same_words_of_a_later_conversation(
    omi: Sender, client: APIClient, key: dict[str, Any]
) -> None:
    """ "Hello" at the very beginning, without an id or with one that comes again each time."""
    hello = segment("Hello.", 0.0, **key)
    omi.post({"segments": [hello]})
    work()
    remove(client)
    replay()
    assert said() == []
    past = timezone.now() - timedelta(minutes=5)
    DeletedWords.objects.update(deleted_at=past)
    omi.post({"segments": [hello]})
    work()
    assert said() == ["Hello."]


def test_it_keeps_another_conversation(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE[:1]})
    omi.post({**MEMORY, "started_at": None, "finished_at": None})
    work()
    conversation = Conversation.objects.get(session__segments__text__contains=CANARY)
    client.delete(f"/conversations/{conversation.pk}")
    replay()
    assert Memory.objects.count() == 1
    assert len(said()) == len(MEMORY["transcript_segments"])
    assert hits() == []


def test_it_deletes_for_its_owner_only(
    omi: Sender, client: APIClient, api: Any, staff: Any
) -> None:
    omi.post({"segments": LIVE[:1]})
    work()
    pk = Conversation.objects.get().pk
    assert api(staff).delete(f"/conversations/{pk}").status_code == 404
    assert api(staff).get(f"/conversations/{pk}").status_code == 404
    other = Sender(omi.client, omi.endpoint, omi.token, uid="somebody-else")
    remove(client)
    other.post({"segments": LIVE[:1]})
    work()
    assert len(said()) == 1


def test_it_forgets_what_it_was_listening_to(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": [*LIVE, segment(f"The {CANARY} and hey", 9.0)]})
    work()
    remove(client)
    listening = Listening.objects.get()
    assert (listening.tail_text, listening.last_question) == ("", "")
    assert not Message.objects.exists()


def test_it_drops_the_answer_of_a_question_that_was_deleted_meanwhile(
    omi: Sender, client: APIClient, settings: Any
) -> None:
    settings.OMI_REPLY_BUDGET_MS = 0
    omi.post({"segments": LIVE})
    work("inbox")
    (claimed,) = leased.claim(registry.work_types[Question], limit=1, fresh=True)
    remove(client)
    draining._work_one(registry.work_types[Question], claimed)
    assert hits() == []


def test_the_admin_deletes_for_good_too(omi: Sender, staff: Any) -> None:
    omi.post({"segments": LIVE[:1]})
    work()
    omi.client.force_login(staff)
    session = OmiSession.objects.get()
    path = f"/admin/conversations/omisession/{session.pk}/delete/"
    assert omi.client.post(path, {"post": "yes"}).status_code == 302
    replay()
    assert hits() == []


def test_it_stores_hashes_only(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE})
    work()
    keys = {item["id"] for item in LIVE}
    remove(client)
    assert DeletedWords.objects.count() == 2
    assert not any(
        key.encode() in bytes(row.digest) for key in keys for row in DeletedWords.objects.all()
    )


def test_it_deletes_a_question_that_was_never_linked(omi: Sender, client: APIClient) -> None:
    omi.post({"segments": LIVE})
    work()
    Question.objects.update(session=None)
    remove(client)
    assert hits() == []


def test_it_deletes_a_chat(client: APIClient) -> None:
    body = {"session_id": "web", "message": f"Where is my {CANARY}?"}
    assert client.post("/chat", body, "json").status_code == 200
    remove(client)
    assert hits() == []
    assert not DeletedWords.objects.exists()
