"""What this app brings along."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from axes.models import AccessAttempt
from django.core.cache import cache
from django.db.models import QuerySet

from omibackend.accounts.models import (
    BrowserSession,
    Export,
    Preferences,
    Token,
    User,
)
from omibackend.accounts.privacy import export
from omibackend.core import files
from omibackend.core.manifest import Entry, Lane, Manifest, Rule
from omibackend.core.personal_data import PersonalData, Table, rows_of


def _account(user_id: int) -> QuerySet[User]:
    """Shown, and erased last of all, by the one who erases: all else refers to it."""
    return User.objects.filter(pk=user_id)


def _failed_sign_ins(user_id: int) -> QuerySet[Any]:
    found: QuerySet[Any] = AccessAttempt.objects.filter(
        username__in=_account(user_id).values("email")
    )
    return found


def forget(user_id: int) -> None:
    files.remove_folder(export.folder_of(user_id))
    # The admin's search keeps the names that it found for some minutes.
    found = cache._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    for key in found.scan_iter(match="*unfold_search_*"):
        found.delete(key)


PERSONAL_DATA = PersonalData(
    "account",
    tables=(
        Table("sessions", rows_of(BrowserSession, "user_id")),
        Table("tokens", rows_of(Token, "user"), "id name scopes created expiry last_used_at"),
        Table(
            "sign_ins",
            rows_of(SocialAccount, "user"),
            "provider uid date_joined last_login extra_data",
        ),
        Table("addresses", rows_of(EmailAddress, "user")),
        Table(
            "failed_sign_ins",
            _failed_sign_ins,
            "attempt_time ip_address user_agent failures_since_start",
        ),
        Table("exports", rows_of(Export)),
        Table(
            "preferences",
            rows_of(Preferences, "user"),
            "listen_mode followup_window_ms activation_regex inject_memories meeting_transcribe"
            " mute quiet_hours_start quiet_hours_end time_zone default_conversation",
        ),
        Table("account", _account, "email name is_staff date_joined last_login"),
    ),
    forget=forget,
)


def remove_exports(rows: QuerySet[Export]) -> None:
    """Each person's folder goes whole, and the row with it: the next one is asked for anew."""
    for user_id in rows.values_list("owner_id", flat=True):
        files.remove_folder(export.folder_of(user_id))
    rows.delete()


manifest = Manifest(
    sidebar=(
        Entry(90, "Users", "group", "accounts.user"),
        Entry(91, "Groups", "shield_person", "auth.group"),
        Entry(93, "Tokens", "key", "accounts.token"),
        Entry(94, "Failed sign-ins", "lock_clock", "axes.accessattempt"),
        Entry(95, "Erasures", "person_remove", "accounts.erasure"),
    ),
    retention=(
        Rule("browser sessions", lambda now: BrowserSession.objects.filter(expire_date__lt=now)),
        Rule("tokens", lambda now: Token.objects.filter(expiry__lt=now)),
        Rule("exports", lambda _: export.expired(), remove=remove_exports),
    ),
    lanes=(Lane("accounts", "exports and erasures of people", with_lane="ai"),),
    personal_data=(PERSONAL_DATA,),
)
