from contextlib import closing
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from memories.models import ActionItem, Memory, Revision, Tombstone
from memories.saving.writing import edit
from omibackend.core.work.effects import Change
from tests.accounts.erased import finish_erasures
from tests.memories.test_photos import JPEG, SNAP
from tests.memories.told import VENUE, how, tell, told

pytestmark = pytest.mark.django_db
LIST = reverse("admin:memories_memory_changelist")
ITEMS = reverse("admin:memories_actionitem_changelist")
PARTS = ("action_items", "events", "photos")


@pytest.fixture
def admin(client: Client, staff: Any) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def clerk(client: Client) -> Client:
    """Staff, and nothing else."""
    user = get_user_model().objects.create_user("clerk@example.org", "x" * 20, is_staff=True)
    client.force_login(user)
    return client


def allow(*names: str) -> None:
    user = get_user_model().objects.get(email="clerk@example.org")
    user.user_permissions.add(*Permission.objects.filter(codename__in=names))


def page_of(memory: Memory) -> str:
    return reverse("admin:memories_memory_change", args=[memory.pk])


def photo_of(memory: Memory) -> str:
    photo = memory.photos.get()
    return reverse("admin:memories_memory_photo", args=[memory.pk, photo.pk])


def test_it_lists_memories(admin: Client, owner: Any) -> None:
    tell(owner, title="", text="Only a text.")
    page = admin.get(LIST).content.decode()
    assert "💒 Only a text." in page
    assert str(owner) in page


def test_it_lists_many_with_as_few_queries_as_one(
    admin: Client, owner: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        tell(owner, source_id=str(number), text=f"Text {number}")
    with django_assert_max_num_queries(8):
        admin.get(LIST)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("q=sarah", True),
        ("q=caterer", False),
        ("q=%22venue+deposit%22", True),
        ("kind__exact=note", False),
        ("category=family", True),
        ("category=work", False),
        ("edited=yes", False),
        ("edited=no", True),
    ],
)
def test_it_finds_by_words_and_filters(admin: Client, owner: Any, query: str, seen: bool) -> None:
    tell(owner)
    found = admin.get(f"{LIST}?{query}").context["cl"].queryset
    assert found.exists() is seen


def test_it_offers_the_categories_in_use(admin: Client, owner: Any) -> None:
    tell(owner)
    assert "?category=family" in admin.get(LIST).content.decode()


def test_it_shows_all_parts_of_a_memory(admin: Client, owner: Any) -> None:
    memory = told(owner, photos=(SNAP,))
    page = admin.get(page_of(memory)).content.decode()
    for shown in ("Pay the venue deposit", "Venue visit", "A white tent", photo_of(memory)):
        assert shown in page


def test_it_saves_an_edit_as_the_owners(admin: Client, owner: Any) -> None:
    memory = told(owner)
    form = {"title": "Our venue", "text": memory.text, "category": "family", "emoji": "💒"}
    counts = {f"{part}-{count}_FORMS": 0 for part in PARTS for count in ("TOTAL", "INITIAL")}
    answer = admin.post(page_of(memory), {**form, **counts})
    assert answer.status_code == 302
    tell(owner, title="Sender's")
    memory.refresh_from_db()
    assert (memory.title, memory.edited_fields) == ("Our venue", ["title"])


def test_it_deletes_one_for_good(admin: Client, owner: Any) -> None:
    memory = told(owner)
    admin.post(reverse("admin:memories_memory_delete", args=[memory.pk]), {"post": "yes"})
    assert how(tell(owner)) == [Change.DELETED_BEFORE]


def test_it_deletes_many_for_good(admin: Client, owner: Any) -> None:
    chosen = [told(owner).pk, told(owner, source_id="b", text="Other").pk]
    admin.post(
        LIST, {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}, follow=True
    )
    assert (Memory.objects.count(), Tombstone.objects.count()) == (0, 2)


def test_it_keeps_no_words_of_a_deleted_memory_in_its_log(admin: Client, owner: Any) -> None:
    memory = told(owner)
    admin.post(reverse("admin:memories_memory_delete", args=[memory.pk]), {"post": "yes"})
    assert "Venue" not in LogEntry.objects.get().object_repr


def test_it_lets_who_may_delete_a_memory_delete_its_items(clerk: Client, owner: Any) -> None:
    allow("delete_memory", "view_memory")
    memory = told(owner)
    clerk.post(reverse("admin:memories_memory_delete", args=[memory.pk]), {"post": "yes"})
    assert Memory.objects.count() == 0


def test_it_shows_nothing_to_staff_without_permission(clerk: Client, owner: Any) -> None:
    memory = told(owner, photos=(SNAP,))
    addresses = [LIST, ITEMS, page_of(memory), photo_of(memory)]
    assert [clerk.get(address).status_code for address in addresses] == [403] * 4


def test_it_shows_no_parts_without_permission(clerk: Client, owner: Any) -> None:
    allow("view_memory")
    page = clerk.get(page_of(told(owner, photos=(SNAP,)))).content.decode()
    assert VENUE.text in page
    assert "Pay the venue deposit" not in page
    assert "A white tent" not in page


def test_it_does_not_take_edits_from_who_may_only_look(clerk: Client, owner: Any) -> None:
    allow("view_memory")
    memory = told(owner)
    assert clerk.post(page_of(memory), {"title": "Mine"}).status_code == 403
    assert Memory.objects.get().title == VENUE.title


def test_it_serves_a_picture_as_what_it_is(admin: Client, owner: Any) -> None:
    answer: Any = admin.get(photo_of(told(owner, photos=(SNAP,))))
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer.getvalue() == JPEG
    answer.close()


def test_it_asks_for_the_right_to_see_photos(clerk: Client, owner: Any) -> None:
    memory = told(owner, photos=(SNAP,))
    allow("view_memory")
    assert clerk.get(photo_of(memory)).status_code == 403
    allow("view_photo")
    with closing(clerk.get(photo_of(memory))) as answer:
        assert answer.status_code == 200


def test_it_serves_no_picture_of_another_memory(admin: Client, owner: Any) -> None:
    memory, other = told(owner, photos=(SNAP,)), told(owner, source_id="o", text="Other")
    address = photo_of(memory).replace(str(memory.pk), str(other.pk))
    assert admin.get(address).status_code == 404


def test_it_serves_no_picture_where_there_is_none(admin: Client, owner: Any) -> None:
    tell(owner, photos=(SNAP,))
    memory = Memory.objects.get()
    memory.photos.update(file="")
    assert admin.get(photo_of(memory)).status_code == 404


@pytest.mark.parametrize(("action", "done"), [("mark_done", True), ("mark_open", False)])
def test_it_marks_items_in_bulk(admin: Client, owner: Any, action: str, done: bool) -> None:
    tell(owner)
    ActionItem.objects.update(completed=not done)
    chosen = [ActionItem.objects.get().pk]
    page = admin.post(ITEMS, {"action": action, "_selected_action": chosen}, follow=True)
    assert "Marked 1 as" in page.content.decode()
    assert ActionItem.objects.get().completed is done


def test_it_offers_no_bulk_marks_to_who_may_only_look(clerk: Client, owner: Any) -> None:
    allow("view_actionitem")
    tell(owner)
    chosen = [ActionItem.objects.get().pk]
    clerk.post(ITEMS, {"action": "mark_done", "_selected_action": chosen})
    assert ActionItem.objects.get().completed is False


def test_it_saves_an_item_as_the_owners(admin: Client, owner: Any) -> None:
    tell(owner)
    item = ActionItem.objects.get()
    address = reverse("admin:memories_actionitem_change", args=[item.pk])
    form = {"description": "Pay it", "due_at_0": "2026-11-28", "due_at_1": "10:00:00"}
    assert admin.post(address, form).status_code == 302
    item.refresh_from_db()
    assert (item.description, item.edited_fields) == ("Pay it", ["description", "due_at"])
    assert admin.get(address).status_code == 200


def test_it_does_not_delete_items_that_a_resend_would_bring_back(admin: Client, owner: Any) -> None:
    tell(owner)
    item = ActionItem.objects.get()
    address = reverse("admin:memories_actionitem_delete", args=[item.pk])
    assert admin.post(address, {"post": "yes"}).status_code == 403


def test_it_goes_with_an_account_deleted_in_the_admin(admin: Client, owner: Any) -> None:
    tell(owner)
    admin.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"})
    finish_erasures()
    assert Memory.objects.count() == 0


def test_it_marks_many_after_showing_them(admin: Client, owner: Any) -> None:
    chosen = [told(owner).pk, told(owner, source_id="b", text="Other").pk]
    form = {"action": "mark_private", "_selected_action": chosen}
    shown = admin.post(LIST, form)
    assert "2 memories will change" in shown.content.decode()
    assert not Memory.objects.filter(private=True).exists()
    done = admin.post(LIST, {**form, "expected": "2"}, follow=True)
    assert "Keep private: 2 memories." in done.content.decode()
    assert Memory.objects.filter(private=True).count() == 2
    assert {revision.by for revision in Revision.objects.all()} == {"staff"}
    assert "Nothing would change" in admin.post(LIST, form).content.decode()


def test_it_shows_again_what_is_no_longer_what_was_shown(admin: Client, owner: Any) -> None:
    form = {"action": "mark_wrong", "_selected_action": [told(owner).pk]}
    for expected in ("2", "x"):
        page = admin.post(LIST, {**form, "expected": expected}).content.decode()
        assert "1 memory will change" in page
    assert not Memory.objects.filter(wrong=True).exists()


def test_it_marks_all_that_a_filter_finds(admin: Client, owner: Any) -> None:
    chosen = told(owner).pk
    tell(owner, source_id="b", text="Other", category="work")
    form = {"action": "mark_pin", "_selected_action": [chosen], "select_across": "1"}
    admin.post(f"{LIST}?category=work", {**form, "expected": "1"})
    assert Memory.objects.get(pinned=True).category == "work"


def test_it_offers_no_marks_to_who_may_only_look(clerk: Client, owner: Any) -> None:
    allow("view_memory")
    chosen = [told(owner).pk]
    clerk.post(LIST, {"action": "mark_pin", "_selected_action": chosen, "expected": "1"})
    assert not Memory.objects.filter(pinned=True).exists()


def test_it_shows_marks_and_history(admin: Client, owner: Any) -> None:
    memory = told(owner)
    edit(memory, {"title": "Ours", "private": True})
    page = admin.get(page_of(memory)).content.decode()
    assert VENUE.title in page
    assert "the owner" in page
    assert "private" in admin.get(f"{LIST}?mark=private").content.decode()
    assert not admin.get(f"{LIST}?mark=wrong").context["cl"].queryset.exists()
