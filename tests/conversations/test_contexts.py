"""Spaces and windows: the REST calls and the voice commands act on the same state."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from conversations.models import (
    ContextState,
    ContextWindow,
    Conversation,
    Message,
    Notification,
    Question,
    ReplyChannel,
)
from conversations.voice import actions
from memories.models import ActionItem, Memory
from memories.saving.writing import forget
from omibackend.accounts.models import Preferences
from omibackend.core.work import leased
from tests.conftest import work
from tests.conversations.speech import timeless
from tests.llm.server import saying, serving
from tests.sender import Sender
from webhooks.models import Delivery


@pytest.fixture
def client(api: Callable[..., APIClient], owner: Any) -> APIClient:
    return api(owner)


@pytest.fixture
def say(omi: Sender) -> Callable[..., str | None]:
    """Says something to the wearable; returns what it answers at once."""
    clock = iter(range(0, 100_000, 20))

    def said(text: str) -> str | None:
        start_s = float(next(clock))
        words = {"id": str(uuid4()), "text": text, "is_user": True, "speaker": "SPEAKER_00"}
        body = {"segments": [{**words, "start": start_s, "end": start_s + 3}]}
        answer = omi.post(body)
        assert answer.status_code == 200
        work()
        found: str | None = answer.json().get("message")
        return found

    return said


def status(client: APIClient, session_id: str) -> dict[str, Any]:
    answer = client.get(f"/context/status/{session_id}")
    assert answer.status_code == 200
    return dict(answer.json())


def switch(client: APIClient, session_id: str, space: str) -> Any:
    return client.post("/context/switch", {"session_id": session_id, "space": space}, "json")


def framed(space: str, *lines: str) -> str:
    return "\n".join((f"[now • Space: {space}]", *lines))


def test_it_begins_with_the_defaults(client: APIClient) -> None:
    found = status(client, "web")
    assert (found["space"], found["pending"], found["initialized"]) == ("default", None, False)
    assert [window["slot"] for window in found["windows"]] == [1, 2, 3, 4, 5]
    assert not ContextState.objects.exists()


def test_it_switches_the_space(client: APIClient) -> None:
    assert switch(client, "web", "todos").json() == {
        "success": True,
        "previousSpace": "default",
        "currentSpace": "todos",
        "message": "Switched to todos.",
    }
    assert switch(client, "web", "agent").json()["previousSpace"] == "todos"
    assert status(client, "web")["initialized"] is True
    assert status(client, "another")["space"] == "default"


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": "web", "space": "kitchen"},
        {"session_id": "web"},
        {"session_id": "w\x00", "space": "todos"},
        {"session_id": "w" * 129, "space": "todos"},
        {"session_id": "web", "space": "todos", "more": 1},
    ],
)
def test_it_refuses_what_is_no_switch(client: APIClient, body: dict[str, Any]) -> None:
    assert client.post("/context/switch", body, "json").status_code == 400


def test_it_switches_by_voice(client: APIClient, omi: Sender, say: Any) -> None:
    assert timeless(say("Hey Omi, switch to memories.")) == framed(
        "memories", "Switched to memories."
    )
    assert status(client, omi.uid)["space"] == "memories"
    question = Question.objects.get()
    assert (question.provider, question.channel) == ("command", ReplyChannel.INLINE)
    assert question.answer == "Switched to memories."


def test_it_carries_on_where_the_other_way_left(client: APIClient, omi: Sender, say: Any) -> None:
    switch(client, omi.uid, "friends")
    assert "• Space: friends]" in say("Hey Omi, list spaces")
    say("Hey Omi, switch to tasks")
    assert switch(client, omi.uid, "agent").json()["previousSpace"] == "tasks"


def test_it_asks_no_model_for_a_command(say: Any, settings: Settings) -> None:
    settings.OPENAI_API_KEY = "sk-test"
    with serving(saying({"answer": "It is the model.", "memory_ids": []})) as server:
        settings.OPENAI_BASE_URL = server.url
        said = say("Hey Omi, help")
        assert server.asked == []
    assert "remember that" in said


def test_it_selects_a_window_by_voice(client: APIClient, omi: Sender, say: Any) -> None:
    say("We talk about the garden.")
    conversation = Conversation.objects.get()
    asked = say("Hey Omi, select window.")
    assert "Which window, 1 to 5?" in asked
    assert status(client, omi.uid)["pending"] == "select_window"
    assert "Window 2: " in say("Hey Omi, two.")
    found = status(client, omi.uid)
    assert found["pending"] is None
    assert found["windows"][1]["conversation_id"] == str(conversation.pk)
    assert found["windows"][1]["active"] is True


def test_it_cancels_what_it_asked_back(client: APIClient, omi: Sender, say: Any) -> None:
    say("Hey Omi, select window.")
    assert "Cancelled." in say("Hey Omi, cancel.")
    assert status(client, omi.uid)["pending"] is None
    assert "nothing to cancel" in say("Hey Omi, never mind")


def test_it_takes_a_bare_number_for_a_question_when_it_asked_nothing(say: Any) -> None:
    say("Hey Omi, two.")
    work()
    assert Question.objects.get().provider != "command"
    assert not ContextWindow.objects.exists()


def test_it_lists_the_windows(client: APIClient, omi: Sender, say: Any) -> None:
    assert "empty" in say("Hey Omi, list windows")
    garden = Conversation.objects.filter(kind="omi").get()
    Conversation.objects.update(title="Garden")
    body = {"session_id": omi.uid, "slot": 3, "conversation_id": str(garden.pk)}
    assert client.post("/context/windows", body, "json").status_code == 200
    assert "Windows: 3 (open): Garden." in say("Hey Omi, show my windows")
    assert say("Hey Omi, list spaces").endswith("\nWindow 3: Garden")


def test_it_remembers_what_it_is_told_to(owner: Any, say: Any) -> None:
    said = say("Hey Omi, remember that the red key opens the shed.")
    assert "Saved as a memory: the red key opens the shed." in said
    memory = Memory.objects.get()
    assert (memory.kind, memory.source, memory.text) == (
        "note",
        "voice",
        "the red key opens the shed.",
    )
    question = Question.objects.get()
    assert memory.segment_keys == question.segment_keys
    assert memory.delivery_id == question.delivery_id == Delivery.objects.get().pk
    assert memory.quote.startswith("Hey Omi, remember")


def test_it_saves_what_was_said_just_before(say: Any) -> None:
    say("The plumber comes on Monday.")
    say("Hey Omi, save this as a memory.")
    assert Memory.objects.get().text == "The plumber comes on Monday."


def test_it_adds_a_todo_once(client: APIClient, say: Any) -> None:
    assert "Added to your to-dos: call Ana" in say("Hey Omi, add a to-do: call Ana.")
    for model in (Delivery, Question):
        leased.replay(model.objects.all())
        work()
    assert ActionItem.objects.get().description == "call Ana"
    assert Question.objects.count() == 1
    assert Message.objects.count() == 2


def test_it_does_a_command_once_however_often_it_is_worked(say: Any) -> None:
    say("Hey Omi, remember that the red key opens the shed.")
    forget(Memory.objects.all())
    Question.objects.update(answer="", channel="")
    leased.replay(Question.objects.all())
    work()
    assert not Memory.objects.exists()
    assert Question.objects.get().answer.startswith("Saved")


def test_it_does_a_late_command_in_the_job(omi: Sender, settings: Settings) -> None:
    """The request died before it heard: the job behind the delivery does it."""
    words = {"id": str(uuid4()), "text": "Hey Omi, add a to-do: call Ana.", "is_user": True}
    body = {"segments": [{**words, "speaker": "SPEAKER_00", "start": 1.0, "end": 3.0}]}
    settings.ENABLE_CONTEXT_ACTIVATION = False
    omi.post(body)
    settings.ENABLE_CONTEXT_ACTIVATION = True
    work("inbox")
    Question.objects.update(next_attempt_at=timezone.now())
    work("ai")
    assert ActionItem.objects.get().description == "call Ana"
    assert Question.objects.get().why == "no OMI_APP_ID"


def test_it_clears_the_context(client: APIClient, omi: Sender, say: Any) -> None:
    say("Hey Omi, where is the red key of the shed?")
    switch(client, omi.uid, "todos")
    assert "Context cleared." in say("Hey Omi, clear context")
    state = ContextState.objects.get()
    assert (state.space, state.active_slot) == ("default", None)
    assert state.cleared_at is not None


def test_it_lets_no_code_bind_what_is_bound_already(say: Any) -> None:
    assert "nothing to verify" in say("Hey Omi, verify 123456")


def test_two_commands_in_a_row_are_both_spoken(say: Any) -> None:
    assert say("Hey Omi, switch to memories") is not None
    assert say("Hey Omi, list spaces") is not None


@pytest.mark.parametrize(
    ("space", "last_line"),
    [
        ("todos", "Open to-dos: buy salt · buy soap · buy rope"),
        ("tasks", "Open to-dos: buy salt · buy soap · buy rope"),
        ("memories", "Latest memories: buy salt. · buy soap. · buy rope."),
        ("agent", "Last asked: When is it free?"),
        ("friends", "Heard lately: Sarah"),
        ("notifications", "Latest notifications: Tuesday."),
    ],
)
def test_each_space_has_its_last_line(
    omi: Sender, client: APIClient, say: Any, space: str, last_line: str
) -> None:
    for thing in ("lamp", "rope", "soap", "salt"):
        say(f"Hey Omi, add a to-do: buy {thing}.")
    sarah = {
        "text": "Hello.",
        "is_user": False,
        "speaker_name": "Sarah",
        "start": 90.0,
        "end": 91.0,
    }
    omi.post({"segments": [sarah]})
    work()
    asked = Question.objects.latest("id")
    Notification.objects.create(
        question=Question.objects.create(
            **{name: getattr(asked, name) for name in ("owner", "uid", "asked_at", "closes_at")},
            delivery_id=asked.delivery_id,
            trigger_key="late",
            text="When is it free?",
            answer="Tuesday.",
            state="done",
        ),
        owner=asked.owner,
        uid=asked.uid,
        text="…",
        state="done",
        send_state="sent",
    )
    switch(client, omi.uid, space)
    assert timeless(actions.framed(asked, "So.")) == framed(space, "So.", last_line)


def test_it_tells_the_time_of_the_person(owner: Any, say: Any) -> None:
    Preferences.objects.create(user=owner, time_zone="Asia/Kolkata")
    assert say("Hey Omi, list spaces").startswith("[")
    spoken = Question.objects.get().spoken
    assert spoken[1:6] != f"{timezone.now():%H:%M}"


def test_it_is_off_when_activation_is_off(client: APIClient, say: Any, settings: Settings) -> None:
    settings.ENABLE_CONTEXT_ACTIVATION = False
    assert switch(client, "web", "todos").status_code == 404
    assert client.get("/context/status/web").status_code == 404
    assert say("Hey Omi, switch to todos") is None
    assert not ContextState.objects.exists()


def test_nobody_binds_another_persons_conversation(
    client: APIClient, api: Any, staff: Any, say: Any, omi: Sender
) -> None:
    say("We talk about the garden.")
    pk = str(Conversation.objects.get().pk)
    body = {"session_id": omi.uid, "slot": 1, "conversation_id": pk}
    assert api(staff).post("/context/windows", body, "json").status_code == 404
    assert client.post("/context/windows", body, "json").status_code == 200
    assert status(api(staff), omi.uid)["initialized"] is False
    empty = {"session_id": omi.uid, "slot": 2}
    assert client.post("/context/windows", empty, "json").status_code == 404


def test_a_deleted_conversation_leaves_its_window(client: APIClient, omi: Sender, say: Any) -> None:
    say("We talk about the garden.")
    pk = str(Conversation.objects.get().pk)
    body = {"session_id": omi.uid, "slot": 1, "conversation_id": pk}
    client.post("/context/windows", body, "json")
    assert client.delete(f"/conversations/{pk}").status_code == 204
    assert status(client, omi.uid)["windows"][0]["conversation_id"] is None
    assert "Window" not in (say("Hey Omi, list spaces") or "")


@pytest.mark.parametrize(
    ("scopes", "expected"), [(["chat"], 200), (["read", "write"], 403), ([], 403)]
)
def test_it_asks_for_the_right_to_chat(
    api: Any, owner: Any, scopes: list[str], expected: int
) -> None:
    assert switch(api(owner, scopes), "web", "todos").status_code == expected
    assert api().get("/context/status/web").status_code == 401
