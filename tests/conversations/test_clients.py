"""Conversations that belong to a client, and who may read them."""

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import ProtectedError
from django.test import Client as Browser
from django.urls import reverse

from conversations.models import Client, Conversation, Message
from tests.conversations.speech import at
from tests.ops.test_shell import grant


@pytest.fixture
def acme(db: None) -> Client:
    return Client.objects.create(code="ACME-001", name="Acme")


@pytest.fixture
def helper(acme: Client, django_user_model: Any) -> Any:
    """On Acme's staff, with no other right."""
    person = django_user_model.objects.create_user(
        "helper@example.org", "a long passphrase four", is_staff=True
    )
    acme.staff.add(person)
    return person


@pytest.fixture
def talk(acme: Client) -> Conversation:
    talk = Conversation.objects.create(client=acme, kind="langchain", key="s" * 255, title="Order")
    for number, role in enumerate(("user", "assistant")):
        Message.objects.create(conversation=talk, role=role, text=role, occurred_at=at(number))
    return talk


def listed(client: Any) -> list[str]:
    return [row["title"] for row in client.get("/conversations").json()["results"]]


def admin_list(browser: Browser, model: str) -> str:
    path = reverse(f"admin:conversations_{model}_changelist")
    return browser.get(path).content.decode()


@pytest.mark.parametrize("owned", [True, False])
def test_it_belongs_to_a_person_or_to_a_client(owner: Any, acme: Client, owned: bool) -> None:
    both = {"owner": owner, "client": acme} if owned else {}
    with pytest.raises(IntegrityError, match="conversation_owner_or_client"):
        Conversation.objects.create(**both, kind="chat", key="x")


def test_a_clients_staff_reads_it_beside_their_own(api: Any, helper: Any, talk: Any) -> None:
    Conversation.objects.create(owner=helper, kind="chat", key="1", title="Mine")
    client = api(helper)
    assert set(listed(client)) == {"Order", "Mine"}
    found = client.get(f"/conversations/{talk.pk}").json()
    assert (found["kind"], found["session_id"], found["heard"]) == ("langchain", "s" * 255, None)
    page = client.get(f"/conversations/{talk.pk}/messages?page_size=1").json()
    assert [message["text"] for message in page["results"]] == ["assistant"]
    assert client.get(page["next"]).json()["results"][0]["text"] == "user"
    assert client.get(f"/transcript/{talk.pk}").status_code == 404


def test_a_few_among_many_are_found_by_their_indexes(
    owner: Any, helper: Any, talk: Conversation
) -> None:
    chats = (Conversation(owner=owner, kind="chat", key=str(number)) for number in range(20_000))
    Conversation.objects.bulk_create(chats)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE conversations_conversation")
    plan = Conversation.objects.visible_to(helper)[:51].explain()
    assert "conversation_owner" in plan
    assert "conversation_client_recent" in plan


def test_nobody_else_finds_it(api: Any, owner: Any, acme: Client, talk: Any) -> None:
    """Neither the staff of another client, nor who is no staff any more."""
    acme.staff.add(owner)
    other = type(owner).objects.create_user("other@example.org", "a long passphrase", is_staff=True)
    Client.objects.create(code="OTHER", name="Other").staff.add(other)
    for person in (owner, other):
        client = api(person)
        assert listed(client) == []
        for path in (f"/conversations/{talk.pk}", f"/conversations/{talk.pk}/messages"):
            assert client.get(path).status_code == 404


def test_the_right_to_every_client_is_none_to_other_people(
    api: Any, owner: Any, staff: Any, helper: Any, talk: Any
) -> None:
    Conversation.objects.create(owner=owner, kind="chat", key="1", title="Nadia's")
    assert listed(api(staff)) == ["Order"]
    Client.objects.get().staff.clear()
    assert listed(api(helper)) == []
    grant(helper, "conversations.view_every_client")
    assert listed(api(helper)) == ["Order"]


def test_it_is_not_deleted_here(api: Any, staff: Any, acme: Client, talk: Any) -> None:
    answer = api(staff).delete(f"/conversations/{talk.pk}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "kept_by_client")
    browser = Browser()
    browser.force_login(staff)
    path = reverse("admin:conversations_conversation_delete", args=[talk.pk])
    assert browser.post(path, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": str(talk.pk), "post": "yes"}
    browser.post(reverse("admin:conversations_conversation_changelist"), chosen)
    with pytest.raises(ProtectedError):
        acme.delete()
    assert Conversation.objects.get() == talk


def test_the_admin_shows_the_clients_that_one_may_see(helper: Any, owner: Any, talk: Any) -> None:
    Conversation.objects.create(owner=owner, kind="chat", key="1", title="Nadia's chat")
    rights = ("conversations.view_conversation", "conversations.view_message")
    browser = grant(helper, *rights)
    for model in ("conversation", "message"):
        assert "Order" in admin_list(browser, model)
    page = reverse("admin:conversations_conversation_change", args=[talk.pk])
    assert "Acme" in browser.get(page).content.decode()
    Client.objects.get().staff.clear()
    for model in ("conversation", "message"):
        assert "Order" not in admin_list(browser, model)
    assert browser.get(page).status_code == 302
    assert "Nadia&#x27;s chat" in admin_list(browser, "conversation")


def test_the_admin_names_a_clients_staff(staff: Any, helper: Any, acme: Client) -> None:
    browser = Browser()
    browser.force_login(staff)
    page = reverse("admin:conversations_client_change", args=[acme.pk])
    assert "helper@example.org" in browser.get(page).content.decode()
    browser.post(page, {"code": "ACME-001", "name": "Acme Ltd", "staff": [staff.pk]})
    acme.refresh_from_db()
    assert (acme.name, list(acme.staff.all())) == ("Acme Ltd", [staff])
