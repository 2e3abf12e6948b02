"""Columns that a database dump cannot give away."""

import base64
import hashlib
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.utils.crypto import salted_hmac


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"omibackend.column")
    return base64.urlsafe_b64encode(kdf.derive(key.encode()))


def token_hash(token: str) -> str:
    """SHA-256 is enough for a token of 256 random bits: there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def keyed_hash(purpose: str, value: str, *, key: str | None = None) -> str:
    """HMAC-SHA-256 for what could be guessed (a code, an address): useless without SECRET_KEY."""
    salt = f"omibackend.{purpose}"
    return salted_hmac(salt, value, secret=key, algorithm="sha256").hexdigest()


def keyed_hashes(purpose: str, value: str) -> list[str]:
    """The same under the current key and each one before it, to look a stored one up."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [keyed_hash(purpose, value, key=key) for key in keys]


class EncryptedField(models.TextField):  # type: ignore[type-arg]
    """Text, encrypted at rest with a key derived from SECRET_KEY (and its fallbacks)."""

    def get_prep_value(self, value: Any) -> Any:
        return _fernet().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value:
            return value
        try:
            return _fernet().decrypt(value.encode()).decode()
        except InvalidToken as error:
            raise ImproperlyConfigured(
                "A stored secret cannot be read: SECRET_KEY has changed. Put the old key into "
                "SECRET_KEY_FALLBACKS."
            ) from error


class EncryptedJSONField(EncryptedField):
    """A JSON object, encrypted as a whole: nothing can be looked up by what is in it."""

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(orjson.dumps(value).decode() if value else "")

    def to_python(self, value: Any) -> Any:
        return value

    def from_db_value(self, value: str | None, *_: Any) -> Any:
        found = super().from_db_value(value)
        return orjson.loads(found) if found else {}
