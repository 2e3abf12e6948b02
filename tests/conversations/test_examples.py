"""What the API's description shows is what the API takes and answers."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.shown import Shown
from tests.conftest import payload, work
from tests.llm.server import saying, serving
from tests.sender import Sender

SHOWN = Shown("conversations.api")


@pytest.fixture
def client(omi: Sender, api: Callable[..., APIClient]) -> APIClient:
    omi.post(payload("omi/realtime_transcript__asked"))
    omi.post(payload("omi/memory_created__full"))
    work()
    client = api(omi.endpoint.owner)
    client.default_format = "json"
    return client


def test_conversations_are_read_as_shown(client: APIClient) -> None:
    listed = SHOWN.answered("conversations_list", client.get("/conversations?kind=omi"))
    SHOWN.answered("conversations_read", client.get(f"/conversations/{listed['id']}"))
    SHOWN.answered("transcript", client.get(f"/transcript/{listed['session_id']}"))


def test_the_chat_answers_as_shown(client: APIClient, settings: Any) -> None:
    settings.OPENAI_API_KEY = "sk-of-the-test"
    with serving(saying({"answer": "On Tuesday.", "memory_ids": []})) as server:
        settings.OPENAI_BASE_URL = server.url
        answer = SHOWN.answered("chat", client.post("/chat", SHOWN.sent("chat")))
    messages = f"/conversations/{answer['conversation_id']}/messages"
    SHOWN.answered("conversations_messages", client.get(messages))


def test_spaces_and_windows_are_switched_as_shown(client: APIClient) -> None:
    switched = client.post("/context/switch", SHOWN.sent("context_switch"))
    SHOWN.answered("context_switch", switched)
    mine = client.get("/conversations?kind=omi").json()["results"][0]["id"]
    wanted = SHOWN.sent("context_windows", conversation_id=mine)
    found = SHOWN.answered("context_status", client.post("/context/windows", wanted))
    assert found["windows"][1]["conversation_id"] == mine
    SHOWN.answered("context_status", client.get(f"/context/status/{wanted['session_id']}"))
