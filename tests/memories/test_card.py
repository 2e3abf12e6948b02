from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from memories.models import ActionItem, Memory
from omibackend.core.postgres.ids import uuid7
from tests.ops.test_shell import grant


@pytest.fixture
def memory(owner: Any) -> Memory:
    memory = Memory(owner=owner, kind="conversation", source="omi", source_id="conv 1")
    memory.title, memory.emoji = "Wedding <Venue> Deposit", "\U0001f492"
    memory.text, memory.quote = "You agreed.\n\nPay by Friday.", "It is due on Friday."
    memory.occurred_at, memory.delivery_id = timezone.now(), uuid7()
    memory.save()
    ActionItem.objects.create(
        memory=memory, owner=owner, description="Pay the deposit", description_hash="1"
    )
    return memory


def page_of(memory: Memory) -> str:
    return reverse("admin:memories_memory_change", args=[memory.pk])


def test_it_shows_what_was_kept(memory: Memory, staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    html = client.get(page_of(memory)).content.decode()
    assert "Wedding &lt;Venue&gt; Deposit" in html
    assert "<p>You agreed.</p>" in html
    assert "Pay the deposit" in html
    assert "It is due on Friday." in html


def test_it_leads_back_to_where_it_came_from(memory: Memory, staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    html = client.get(page_of(memory)).content.decode()
    assert reverse("admin:webhooks_delivery_change", args=[memory.delivery_id]) in html
    sessions = reverse("admin:conversations_omisession_changelist")
    assert f"{sessions}?omi_conversation_id=conv+1" in html
    assert client.get(sessions, {"omi_conversation_id": "conv 1"}).status_code == 200


def test_it_offers_no_way_to_where_one_may_not_go(memory: Memory, django_user_model: Any) -> None:
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    html = grant(person, "memories.view_memory").get(page_of(memory)).content.decode()
    assert "Wedding" in html
    assert "webhooks/delivery" not in html
    assert "omi_conversation_id" not in html


def test_it_says_that_a_note_was_written_here(owner: Any, staff: Any) -> None:
    note = Memory.objects.create(
        owner=owner, kind="note", source="api", text="Buy rice.", occurred_at=timezone.now()
    )
    client = Client()
    client.force_login(staff)
    assert "Written here, not sent." in client.get(page_of(note)).content.decode()
