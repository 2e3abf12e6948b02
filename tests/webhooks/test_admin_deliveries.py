import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from memories.models import ActionItem, Memory
from omibackend.core.admin import paging
from omibackend.core.admin.outcome import attempts
from omibackend.core.postgres.ids import uuid7
from omibackend.core.redis import soft_redis
from omibackend.core.work.effects import Change, Effect
from tests.conftest import payload
from tests.ops.test_shell import grant
from tests.sender import Sender
from tests.webhooks.stored import dead, stored
from webhooks.admin import export
from webhooks.admin.page import banner
from webhooks.inbox.endpoints import create
from webhooks.models import Delivery, Endpoint

LIST = "/admin/webhooks/delivery/"
SECRET_TEXT = "the deposit is due on Friday"
BODY = orjson.dumps({"segments": [{"text": SECRET_TEXT}]})


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def page_of(delivery: Delivery, name: str = "change") -> str:
    return reverse(f"admin:webhooks_delivery_{name}", args=[delivery.pk])


def listed(client: Client, **query: str) -> list[Delivery]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


def ago(**age: float) -> Any:
    return timezone.now() - timedelta(**age)


# --- the list -------------------------------------------------------------------


def test_it_filters_by_state(omi: Sender, admin: Client) -> None:
    rows = {
        "done": stored(omi.endpoint),
        "dead": dead(omi.endpoint),
        "retry": stored(omi.endpoint, state="pending", attempts=2, last_error="Away."),
        "fresh": stored(omi.endpoint, state="pending", attempts=0),
        "ignored": stored(omi.endpoint, state="ignored", attempts=0),
    }
    assert set(listed(admin)) == set(rows.values())
    assert set(listed(admin, state="failed")) == {rows["dead"], rows["retry"]}
    assert set(listed(admin, state="unfinished")) == {rows["retry"], rows["fresh"]}
    assert listed(admin, state="dead") == [rows["dead"]]
    assert listed(admin, state="ignored") == [rows["ignored"]]


def test_it_filters_by_time(omi: Sender, admin: Client) -> None:
    at = timezone.now().replace(hour=14, minute=30, second=0, microsecond=0) - timedelta(days=3)
    old = stored(omi.endpoint, at=at)
    recent, hours_old = (
        stored(omi.endpoint, at=ago(minutes=5)),
        stored(omi.endpoint, at=ago(hours=5)),
    )
    assert listed(admin, when="hour") == [recent]
    assert listed(admin, when="day") == [recent, hours_old]
    assert listed(admin, when=at.date().isoformat()) == [old]
    assert listed(admin, when=f"{at.date().isoformat()}T14") == [old]
    assert listed(admin, when=f"{at.date().isoformat()}T15") == []


def test_it_filters_by_sender_endpoint_and_event(omi: Sender, owner: Any, admin: Client) -> None:
    other = Endpoint(owner=owner, provider="gone", name="Another")
    create(other)
    mine = stored(omi.endpoint, event="memory_created")
    theirs = stored(other)
    assert listed(admin, provider="omi") == [mine]
    assert listed(admin, endpoint=str(other.pk)) == [theirs]
    assert listed(admin, event="memory_created") == [mine]


@pytest.mark.parametrize("query", [{"when": "soon"}, {"endpoint": "x"}, {"when": "9999-99-99"}])
def test_it_survives_nonsense_in_the_address(
    omi: Sender, admin: Client, query: dict[str, str]
) -> None:
    assert admin.get(LIST, query).status_code == 302


def test_it_finds_exactly_and_never_by_what_was_said(omi: Sender, admin: Client) -> None:
    request_id = uuid7().hex
    row = stored(omi.endpoint, dedup_key="dl_01JD8Q", request_id=request_id, body=BODY)
    foreign = stored(omi.endpoint, request_id="trace-abc-123")
    assert listed(admin, q=str(row.pk)) == [row]
    assert listed(admin, q="dl_01JD8Q") == [row]
    assert listed(admin, q=request_id) == [row]
    assert listed(admin, q="trace-abc-123") == [foreign]
    assert listed(admin, q="deposit") == []


def test_it_reads_neither_bodies_nor_headers_for_the_list(omi: Sender, admin: Client) -> None:
    stored(omi.endpoint, body=BODY)
    response = admin.get(LIST)
    row = response.context["cl"].result_list[0]
    assert {"body", "headers", "attempt_log", "effects"} <= row.get_deferred_fields()
    assert SECRET_TEXT not in response.content.decode()


def test_it_lists_the_newest_ten_thousand_only(
    omi: Sender, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MOST_LISTED", 3)
    for _ in range(5):
        stored(omi.endpoint)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_delivery")
    assert "about 5; the first 3 are listed" in admin.get(LIST).content.decode()
    html = admin.get(LIST, {"state": "done"}).content.decode()
    assert "more than 3; the first are listed" in html


# --- one delivery ---------------------------------------------------------------


def test_it_shows_the_evidence(omi: Sender, admin: Client) -> None:
    headers = {"authorization": "••••9fQ2", "host": "hooks.example.com"}
    row = dead(
        *(omi.endpoint,),
        body=BODY,
        headers=headers,
        signature="previous secret",
        duplicates=2,
        conflicts=1,
        remote_addr="203.0.113.7",
        query={"uid": "u1"},
    )
    html = admin.get(page_of(row)).content.decode()
    assert SECRET_TEXT in html
    assert "Dead after 7 attempts." in html
    assert "valid, with the old secret" in html
    assert "same key, not worked again" in html
    assert "of them had another body" in html
    assert "masked: " in html
    assert "203.0.113.7" in html
    assert "style=" not in html.split("<main")[1].split("</main>")[0]


def test_it_shows_staff_without_the_permission_sizes_but_no_text(
    omi: Sender, django_user_model: Any
) -> None:
    row = stored(omi.endpoint, body=BODY, query={"uid": "WLD5"})
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    client = grant(person, "webhooks.view_delivery")
    html = client.get(page_of(row)).content.decode()
    assert f"{len(BODY)} B" in html
    assert SECRET_TEXT not in html
    assert "WLD5" not in html
    assert client.get(page_of(row, "raw")).status_code == 403
    assert client.get(page_of(row, "payload")).status_code == 403
    grant(person, "webhooks.view_delivery", "webhooks.view_delivery_body")
    assert client.get(page_of(row, "raw")).content == BODY


def test_it_gives_the_raw_bytes_as_a_file_no_browser_runs(omi: Sender, admin: Client) -> None:
    row = stored(omi.endpoint, body=b"<script>alert(1)</script>", event="a/../b c")
    response = admin.get(page_of(row, "raw"))
    assert response.content == b"<script>alert(1)</script>"
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"].startswith('attachment; filename="abc-')


def test_it_makes_a_test_payload_with_the_body_byte_for_byte(omi: Sender, admin: Client) -> None:
    row = stored(
        omi.endpoint, body=b'{"n":1.50}', headers={"x-token": "••••abcd"}, query={"uid": "u"}
    )
    content = admin.get(page_of(row, "payload")).content
    assert b'{"n":1.50}' in content
    assert json.loads(content) == {
        "headers": {"x-token": "••••abcd"},
        "query": {"uid": "u"},
        "body": {"n": 1.5},
    }
    deep = stored(omi.endpoint, body=b"[" * 1000 + b"]" * 1000)
    assert b"[" * 1000 in admin.get(page_of(deep, "payload")).content


def test_its_curl_holds_no_secret(omi: Sender) -> None:
    headers = {"authorization": "••••9fQ2", "x-omi-event": "memory_created", "host": "h"}
    row = stored(omi.endpoint, body=b'{"a":"it\'s"}', headers=headers, query={"uid": "a b"})
    command = export.curl(row, origin="https://hooks.example.com")
    assert "https://hooks.example.com/webhooks/omi/TOKEN/?uid=a+b" in command
    assert "'authorization: <authorization>'" in command
    assert "9fQ2" not in command
    assert """'{"a":"it'"'"'s"}'""" in command
    assert omi.token not in command


def test_it_says_what_became_of_it(omi: Sender, owner: Any, admin: Client) -> None:
    memory = Memory.objects.create(
        *(),
        owner=owner,
        kind="note",
        source="omi",
        title="Wedding Venue Deposit",
        occurred_at=timezone.now(),
        content_hash="1",
    )
    item = ActionItem.objects.create(
        memory=memory, owner=owner, description="Pay the deposit", description_hash="1"
    )
    gone = "01980000-0000-7000-8000-00000000dead"
    became = [
        Effect.on("memory", memory.pk, Change.CREATED),
        Effect.on("action_item", item.pk, Change.CREATED),
        Effect.on("memory", gone, Change.CREATED),
        Effect.on("carrier_pigeon", "17", Change.SENT),
        Effect("memory", "", Change.DELETED_BEFORE),
    ]
    html = admin.get(page_of(stored(omi.endpoint, effects=became))).content.decode()
    assert reverse("admin:memories_memory_change", args=[memory.pk]) in html
    assert "Wedding Venue Deposit" in html
    assert "Pay the deposit" in html
    assert "removed since" in html
    assert "Carrier pigeon 17" in html
    assert "deleted before" in html


def test_it_names_no_memory_to_staff_who_may_see_none(
    omi: Sender, owner: Any, django_user_model: Any
) -> None:
    memory = Memory.objects.create(
        *(),
        owner=owner,
        kind="note",
        source="omi",
        title="Private matters",
        occurred_at=timezone.now(),
        content_hash="1",
    )
    row = stored(omi.endpoint, effects=[Effect.on("memory", memory.pk, Change.CREATED)])
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    html = grant(person, "webhooks.view_delivery").get(page_of(row)).content.decode()
    assert "Private matters" not in html
    assert f"Memory {str(memory.pk)[-8:]}" in html


def test_it_folds_an_error_that_repeats() -> None:
    log: list[dict[str, Any]] = [
        {"at": "2026-11-21T17:36:38+00:00", "ms": 58, "error": "Away.", "wait_s": 5},
        {"at": "2026-11-21T17:36:43+00:00", "ms": 46, "error": "Away.", "wait_s": 30},
        {"at": "2026-11-21T17:37:13+00:00", "error": "The worker died or lost its lease."},
        {"at": "2026-11-21T17:37:20+00:00", "ms": 12},
    ]
    told = list(attempts(log))
    assert [row.then for row in told] == ["then waited 5 s", "same error, then waited 30 s", "", ""]
    assert [row.same for row in told] == [False, True, False, False]
    assert (told[2].took, told[3].took, told[3].error) == ("", "12 ms", "")


@pytest.mark.parametrize(
    ("fields", "lead", "text"),
    [
        ({"state": "dead", "attempts": 7, "last_error": "Away."}, "Dead after 7", "then replay"),
        ({"state": "dead", "attempts": 1, "last_error": "Bad"}, "Set aside after 1 a", "Bad."),
        (
            {"state": "pending", "attempts": 2, "last_error": "Away."},
            "Will be tried again",
            "Attempt 2 of 7",
        ),
        ({"state": "pending", "attempts": 0}, "Stored, waiting", "one is free"),
        ({"state": "ignored", "attempts": 0}, "Stored and not worked", "no use here"),
        ({"state": "done", "attempts": 3}, "Done after 3 attempts", "from its arrival"),
    ],
)
def test_it_says_what_happens_next(
    omi: Sender, fields: dict[str, Any], lead: str, text: str
) -> None:
    row = stored(omi.endpoint, next_attempt_at=timezone.now(), **fields)
    found = banner(row)
    assert found.lead.startswith(lead)
    assert text in found.text


def test_it_notices_that_no_worker_runs(omi: Sender) -> None:
    row = stored(omi.endpoint, state="pending", attempts=0, next_attempt_at=ago(minutes=5))
    assert banner(row).lead == "No worker has taken it for 5 min."


def test_it_says_that_retention_removed_the_body(omi: Sender, admin: Client) -> None:
    row = stored(omi.endpoint, body=None)
    response = admin.get(page_of(row))
    assert "Removed after its time of retention" in response.content.decode()
    assert response.context["actions_detail"] == []
    assert admin.get(page_of(row, "raw")).status_code == 404


# --- replay ---------------------------------------------------------------------


def test_it_replays_after_a_dialog(omi: Sender, admin: Client) -> None:
    omi.post(payload("omi/memory_created__full"))
    row = omi.deliveries()[0]
    Delivery.objects.update(state="dead", attempts=7, last_error="Away.")
    soft_redis.client().flushdb()
    address = f"{page_of(row).removesuffix('change/')}replay/"
    assert "Replay this delivery?" in admin.get(address).content.decode()
    row.refresh_from_db()
    assert row.state == "dead"
    response = admin.post(address, {"_form_submitted": "1"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"] == page_of(row)
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error) == ("pending", 0, "")
    assert soft_redis.client().exists("wake:inbox")
    assert LogEntry.objects.get().get_change_message() == "Replayed."


def test_it_replays_the_selected(omi: Sender, admin: Client) -> None:
    first, second, untouched = (dead(omi.endpoint) for _ in range(3))
    chosen = [str(first.pk), str(second.pk)]
    form = {"action": "replay_selected", "index": "0", "_selected_action": chosen}
    assert admin.post(LIST, form).status_code == 302
    states = {row.pk: row.state for row in Delivery.objects.all()}
    assert states == {first.pk: "pending", second.pk: "pending", untouched.pk: "dead"}


def test_it_replays_all_that_match_after_a_count(omi: Sender, admin: Client) -> None:
    for _ in range(3):
        dead(omi.endpoint)
    dead(omi.endpoint, at=ago(days=3))
    dead(omi.endpoint, body=None)
    done = stored(omi.endpoint)
    address = reverse("admin:webhooks_delivery_replay_matching") + "?state=dead&when=day"
    assert "3 deliveries match" in admin.get(address).content.decode()
    assert Delivery.objects.filter(state="pending").count() == 0
    assert admin.post(address).status_code == 302
    assert Delivery.objects.filter(state="pending").count() == 3
    done.refresh_from_db()
    assert done.state == "done"


def test_it_offers_to_replay_all_only_of_a_narrowed_list(omi: Sender, admin: Client) -> None:
    dead(omi.endpoint)
    assert "Replay all that match" not in admin.get(LIST).content.decode()
    assert "Replay all that match" in admin.get(LIST, {"state": "dead"}).content.decode()


def test_it_leaves_a_running_delivery_alone(omi: Sender, admin: Client) -> None:
    row = stored(
        omi.endpoint, state="leased", next_attempt_at=timezone.now() + timedelta(seconds=20)
    )
    address = f"{page_of(row).removesuffix('change/')}replay/"
    response = admin.post(address, {"_form_submitted": "1"}, follow=True)
    assert "Nothing was replayed" in response.content.decode()
    row.refresh_from_db()
    assert row.state == "leased"


def test_it_lets_nobody_replay_without_the_permission(omi: Sender, django_user_model: Any) -> None:
    row = dead(omi.endpoint)
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    client = grant(person, "webhooks.view_delivery")
    matching = reverse("admin:webhooks_delivery_replay_matching") + "?state=dead"
    address = f"{page_of(row).removesuffix('change/')}replay/"
    assert client.post(address, {"_form_submitted": "1"}).status_code == 403
    assert client.post(matching).status_code == 403
    form = {"action": "replay_selected", "index": "0", "_selected_action": [str(row.pk)]}
    client.post(LIST, form)
    row.refresh_from_db()
    assert row.state == "dead"


def test_it_can_be_neither_made_nor_changed_nor_deleted(omi: Sender, admin: Client) -> None:
    row = stored(omi.endpoint)
    assert admin.get(f"{LIST}add/").status_code == 403
    assert admin.post(page_of(row), {"event": "x"}).status_code == 403
    assert admin.post(page_of(row, "delete"), {"post": "yes"}).status_code == 403
