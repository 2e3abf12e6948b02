from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from axes.models import AccessAttempt
from django.contrib import admin as django_admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from unfold.admin import ModelAdmin

from omibackend.accounts.models import Export, Preferences, Token, User
from omibackend.accounts.privacy import erasure
from tests.accounts.erased import finish_erasures

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NO_PREFERENCES = {"preferences-TOTAL_FORMS": 0, "preferences-INITIAL_FORMS": 0}


@pytest.fixture
def admin(client: Client, staff: Any) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def clerk(client: Client) -> Client:
    """Staff who may change accounts, without being superuser."""
    user = get_user_model().objects.create_user("clerk@example.org", "x" * 20, is_staff=True)
    wanted = ["view_user", "change_user", "add_user", "delete_user"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=wanted))
    client.force_login(user)
    return client


def page_of(user: Any) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def test_it_shows_accounts_and_groups_in_the_shell(admin: Client, owner: Any) -> None:
    Group.objects.create(name="Therapists")
    page = admin.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert owner.email in page
    assert "Therapists" in admin.get(reverse("admin:auth_group_changelist")).content.decode()
    for model in (User, Group):
        assert isinstance(django_admin.site.get_model_admin(model), ModelAdmin)


def test_it_adds_an_account_by_its_address(admin: Client) -> None:
    form = {
        "email": "Sarah@Example.org",
        "name": "Sarah",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert admin.get(reverse("admin:accounts_user_add")).status_code == 200
    answer = admin.post(reverse("admin:accounts_user_add"), form)
    user = User.objects.get(email="sarah@example.org")
    assert answer.status_code == 302
    assert (user.name, user.check_password(PASSWORD)) == ("Sarah", True)


def test_it_refuses_a_second_account_of_one_address(admin: Client, owner: Any) -> None:
    form = {"email": "NADIA@example.org", "password1": PASSWORD, "password2": PASSWORD}
    page = admin.post(reverse("admin:accounts_user_add"), {**form, "usable_password": "true"})
    assert "already exists" in page.content.decode()


def test_it_changes_an_account_with_its_preferences(admin: Client, owner: Any) -> None:
    assert "Listen mode" in admin.get(page_of(owner)).content.decode()
    form = {
        "email": owner.email,
        "name": "Nadia",
        "is_active": "on",
        "preferences-TOTAL_FORMS": 1,
        "preferences-INITIAL_FORMS": 0,
        "preferences-0-listen_mode": "ALWAYS",
        "preferences-0-followup_window_ms": 9000,
        "preferences-0-time_zone": "Europe/Paris",
        "preferences-0-user": owner.pk,
    }
    assert admin.post(page_of(owner), form).status_code == 302
    owner.refresh_from_db()
    assert owner.name == "Nadia"
    assert Preferences.objects.get(user=owner).listen_mode == "ALWAYS"


def test_it_sets_a_password(admin: Client, owner: Any) -> None:
    address = reverse("admin:auth_user_password_change", args=[owner.pk])
    assert admin.get(address).status_code == 200
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    admin.post(address, {**form, "set-password": ""})
    owner.refresh_from_db()
    assert owner.check_password(PASSWORD)


def test_it_lets_nobody_raise_their_own_rights(clerk: Client) -> None:
    me = User.objects.get(email="clerk@example.org")
    form = {"email": me.email, "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    clerk.post(page_of(me), {**form, **NO_PREFERENCES, "name": "Changed"})
    me.refresh_from_db()
    assert (me.name, me.is_superuser) == ("Changed", False)


def test_it_lets_only_superusers_touch_superusers(clerk: Client, staff: Any) -> None:
    password = reverse("admin:auth_user_password_change", args=[staff.pk])
    assert clerk.post(password, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 403
    assert clerk.post(page_of(staff), {"email": "taken@example.org"}).status_code == 403


def test_it_lets_only_superusers_delete_superusers(clerk: Client, staff: Any) -> None:
    address = reverse("admin:accounts_user_changelist")
    form = {"action": "delete_selected", "_selected_action": [staff.pk], "post": "yes"}
    clerk.post(address, form)
    clerk.post(reverse("admin:accounts_user_delete", args=[staff.pk]), {"post": "yes"})
    assert User.objects.filter(pk=staff.pk).exists()


def test_it_deletes_an_account_with_its_own(clerk: Client, owner: Any) -> None:
    Preferences.objects.create(user=owner)
    clerk.post(reverse("admin:accounts_user_delete", args=[owner.pk]), {"post": "yes"})
    assert not User.objects.get(pk=owner.pk).is_active
    finish_erasures()
    assert not User.objects.filter(pk=owner.pk).exists()
    assert not LogEntry.objects.filter(object_repr__contains="nadia").exists()


def test_it_lists_tokens_without_their_digests(admin: Client, owner: Any) -> None:
    token, secret = Token.objects.create(owner, name="Backup", scopes=["read"])
    pages = [reverse("admin:accounts_token_changelist")]
    pages.append(reverse("admin:accounts_token_change", args=[token.pk]))
    listed = admin.get(pages[0]).content.decode()
    assert "Backup" in listed
    assert secret not in listed
    assert token.digest not in admin.get(pages[1]).content.decode()


def test_it_lists_failed_sign_ins_erasures_and_other_sign_ins(admin: Client, owner: Any) -> None:
    AccessAttempt.objects.create(
        username=owner.email, ip_address="10.0.0.1", failures_since_start=5
    )
    erasure.begin(owner)
    Export.objects.create(owner=owner)
    SocialAccount.objects.create(user=owner, provider="sso", uid="abc")
    for name, words in (
        ("axes_accessattempt", "10.0.0.1"),
        ("accounts_erasure", "waiting"),
        ("accounts_export", owner.email),
        ("socialaccount_socialaccount", "sso"),
    ):
        assert words in admin.get(reverse(f"admin:{name}_changelist")).content.decode()
    row = reverse("admin:axes_accessattempt_change", args=[AccessAttempt.objects.get().pk])
    assert owner.email in admin.get(row).content.decode()


def test_it_shows_nothing_to_staff_without_permission(client: Client, owner: Any) -> None:
    owner.is_staff = True
    owner.save(update_fields=["is_staff"])
    client.force_login(owner)
    assert client.get(reverse("admin:accounts_user_changelist")).status_code == 403
