"""Joining, signing in and out."""

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.hashers import make_password
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.http import HttpRequest

from omibackend.accounts.models import BrowserSession, Token, User


def register(*, email: str, password: str, name: str) -> None:
    """Makes the account unless the address has one; takes as long either way, and does not say."""
    user = User(email=email.lower(), name=name, password=make_password(password))
    User.objects.bulk_create([user], ignore_conflicts=True)


def sign_in(request: HttpRequest, *, email: str, password: str) -> tuple[Token, str] | None:
    """A token for a device, and its secret; None if the password is wrong or the name locked."""
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, User):
        return None
    user_logged_in.send(sender=User, request=request, user=user)
    token: tuple[Token, str] = Token.objects.create(user)
    return token


def is_password(request: HttpRequest, user: User, password: str) -> bool:
    """Counted like a sign-in, so that a stolen token is no way to guess the password."""
    return authenticate(request, username=user.email, password=password) == user


def sign_out_devices(user: User, *, but: Token | None = None) -> None:
    """Every device and browser; programs keep their named tokens."""
    devices = Token.objects.filter(user=user, scopes=None)
    (devices.exclude(pk=but.pk) if but else devices).delete()
    BrowserSession.objects.filter(user_id=user.pk).delete()


def sign_out_all(user: User) -> None:
    Token.objects.filter(user=user).delete()
    BrowserSession.objects.filter(user_id=user.pk).delete()


def change(user: User, changes: dict[str, Any], *, by: Token | None) -> None:
    """A new name; a new password, which also ends every other device and browser."""
    fields = [name for name in ("name", "password") if name in changes]
    if "name" in changes:
        user.name = changes["name"]
    with transaction.atomic():
        if "password" in changes:
            user.set_password(changes["password"])
            sign_out_devices(user, but=by)
        user.save(update_fields=fields)
