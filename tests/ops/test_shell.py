import base64
import hashlib
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from omibackend import unfold
from tests.sender import Sender
from tests.webhooks.stored import dead, stored
from webhooks.admin import needs


@pytest.fixture
def admin(staff: Any) -> Client:
    client = Client()
    client.force_login(staff)
    return client


def grant(person: Any, *names: str) -> Client:
    person.is_staff = True
    person.save(update_fields=["is_staff"])
    codes = [name.partition(".")[2] for name in names]
    person.user_permissions.set(Permission.objects.filter(codename__in=codes))
    client = Client()
    client.force_login(person)
    return client


def test_it_lets_in_the_colours_that_it_prints(db: None) -> None:
    html = Client().get("/admin/login/").content.decode()
    printed = re.search(r'<style id="unfold-theme-colors">(.*?)</style>', html, re.DOTALL)
    assert printed is not None
    digest = base64.b64encode(hashlib.sha256(printed[1].encode()).digest()).decode()
    assert f"sha256-{digest}" == unfold.THEME_HASH
    assert len(re.findall("<style", html)) == 1


def test_it_sends_a_policy_without_unsafe_inline(admin: Client) -> None:
    policy = admin.get("/admin/")["Content-Security-Policy"]
    assert unfold.THEME_HASH in policy
    assert "unsafe-inline" not in policy


def test_it_shows_everything_without_scripts(db: None) -> None:
    html = Client().get("/admin/login/").content.decode()
    assert re.search(r"<noscript><link[^>]+nojs", html)


def test_it_goes_to_the_home_page_after_login(staff: Any) -> None:
    form = {"username": staff.email, "password": "a long passphrase too"}
    assert Client().post("/admin/login/", form)["Location"] == reverse("admin:index")


def titles(client: Client) -> list[str]:
    html = client.get("/admin/").content.decode()
    return re.findall(r"<span>([A-Z][A-Za-z -]+)</span>", html)


def test_it_lists_what_there_is(admin: Client) -> None:
    assert titles(admin) == [
        *("Home", "Deliveries", "Endpoints", "Sessions", "Memories", "Action items"),
        *("Recordings", "Scoring profiles", "Prompts", "Runs", "Queues", "Users", "Groups"),
        *("Omi links", "Tokens", "Failed sign-ins", "Erasures", "API docs"),
    ]


def test_it_lists_only_what_one_may_see(owner: Any) -> None:
    client = grant(owner, "memories.view_memory")
    assert titles(client) == ["Home", "Memories", "API docs"]


def test_it_counts_the_dead_in_red_and_shows_no_zero(omi: Sender) -> None:
    assert needs.badge() == {}
    dead(omi.endpoint)
    stored(omi.endpoint)
    cache.delete("navigation:dead")
    assert needs.badge()["badge"] == "1"


def test_it_finds_a_delivery_by_its_id(omi: Sender, admin: Client) -> None:
    delivery = stored(omi.endpoint, event="memory_created")
    found = admin.get("/admin/search/", {"s": str(delivery.pk), "extended": "1"})
    assert reverse("admin:webhooks_delivery_change", args=[delivery.pk]) in found.content.decode()


def test_it_finds_nothing_that_one_may_not_see(omi: Sender, django_user_model: Any) -> None:
    delivery = stored(omi.endpoint)
    stranger = django_user_model.objects.create_user("s@example.org", "a long passphrase")
    client = grant(stranger, "memories.view_memory")
    found = client.get("/admin/search/", {"s": str(delivery.pk)[:36], "extended": "1"})
    assert str(delivery.pk) not in found.content.decode().replace(f"s={delivery.pk}", "")
