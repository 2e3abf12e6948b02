from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conversations.models import OmiSession, Question, TranscriptSegment
from conversations.pages.session import plain_text, shortened
from memories.models import Memory
from omibackend.core.postgres.ids import uuid7
from tests.ops.test_shell import grant

LINES = [
    (396, "You", True, "Did you hear back?"),
    (401, "Sarah", False, "They called."),
    (545, "You", True, "Due on Friday. Hey Omi, what did Sarah say?"),
]


@pytest.fixture
def session(owner: Any) -> OmiSession:
    now = timezone.now()
    at = {"started_at": now, "first_received_at": now, "last_received_at": now}
    session = OmiSession.objects.create(
        owner=owner, uid="WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1", omi_conversation_id="conv-1", **at
    )
    for number, (start_s, name, is_user, text) in enumerate(LINES):
        segment = TranscriptSegment(session=session, key=f"k{number}", text=text, received_at=now)
        segment.speaker_name, segment.is_user = name, is_user
        segment.start_s, segment.end_s, segment.delivery_id = start_s, start_s + 3, uuid7()
        segment.save()
    return session


@pytest.fixture
def question(session: OmiSession) -> Question:
    now = timezone.now()
    return Question.objects.create(
        *(),
        owner=session.owner,
        uid=session.uid,
        session=session,
        trigger_key="k2:23",
        segment_keys=["k2"],
        asked_at=now,
        closes_at=now,
        delivery_id=uuid7(),
        answer="She said Tuesday.",
        channel="inline",
        took_ms=1900,
        state="done",
    )


def page_of(session: OmiSession) -> str:
    return reverse("admin:conversations_omisession_change", args=[session.pk])


def html_of(session: OmiSession, staff: Any) -> str:
    client = Client()
    client.force_login(staff)
    return client.get(page_of(session)).content.decode()


def test_it_shows_who_said_what_and_the_silence(session: OmiSession, staff: Any) -> None:
    html = html_of(session, staff)
    assert "<time>6:36</time>" in html
    assert "They called." in html
    assert "2 min 21 s of silence" in html
    assert "WLD5vr…Jb1" in html
    assert "Nobody asked Omi anything here." in html


def test_it_marks_the_call_and_shows_the_answer_below(question: Question, staff: Any) -> None:
    assert question.session is not None
    html = html_of(question.session, staff)
    assert "<mark>Hey Omi</mark>" in html
    assert "in the 200, after 1.9 s" in html
    assert html.index("what did Sarah say?") < html.index("She said Tuesday.")


def test_it_says_why_there_is_no_answer(question: Question, staff: Any) -> None:
    assert question.session is not None
    Question.objects.update(answer="", channel="", state="dead", last_error="The model is away.")
    html = html_of(question.session, staff)
    assert "No answer" in html
    assert "The model is away." in html


def test_it_links_to_the_memory_that_it_became(session: OmiSession, staff: Any) -> None:
    memory = Memory(owner=session.owner, kind="conversation", source="omi", source_id="conv-1")
    memory.title, memory.occurred_at = "Wedding Venue Deposit", timezone.now()
    memory.save()
    html = html_of(session, staff)
    assert reverse("admin:memories_memory_change", args=[memory.pk]) in html
    assert "Wedding Venue Deposit" in html


def test_it_tells_a_running_talk_from_one_that_is_over(session: OmiSession, staff: Any) -> None:
    assert "still talking" in html_of(session, staff)
    over = timezone.now() - timedelta(seconds=settings.SESSION_GAP_SECONDS + 1)
    OmiSession.objects.update(last_received_at=over)
    assert "as it was heard live" in html_of(session, staff)
    OmiSession.objects.update(finalised_at=timezone.now())
    assert "as Omi kept it" in html_of(session, staff)


def test_it_gives_plain_text(question: Question, staff: Any) -> None:
    assert question.session is not None
    client = Client()
    client.force_login(staff)
    response = client.get(page_of(question.session).replace("/change/", "/plain-text/"))
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content.decode() == plain_text(question.session)
    assert response.content.decode().splitlines() == [
        "[6:36] You: Did you hear back?",
        "[6:41] Sarah: They called.",
        "    (2 min 21 s of silence)",
        "[9:05] You: Due on Friday. Hey Omi, what did Sarah say?",
        "    Omi: She said Tuesday.",
    ]


def test_it_needs_the_permission(session: OmiSession, django_user_model: Any) -> None:
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    client = grant(person, "memories.view_memory")
    assert client.get(page_of(session)).status_code == 403
    assert client.get(page_of(session).replace("/change/", "/plain-text/")).status_code == 403


def test_it_shortens_a_long_uid() -> None:
    assert shortened("demo-user") == "demo-user"
    assert shortened("WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1") == "WLD5vr…Jb1"
