"""Browser sessions that know whose they are, and whose cookies a database dump does not give away:
Django's own store keeps the cookie's value as the primary key."""

import hashlib
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from omibackend.accounts.models import BrowserSession


def stored_key(session_key: str | None) -> str:
    """What of a session's key the table holds. The key is random: there is nothing to guess."""
    return hashlib.sha256((session_key or "").encode()).hexdigest()[:40]


class SessionStore(DatabaseStore):
    @classmethod
    def get_model_class(cls) -> Any:
        return BrowserSession

    def _get_session_from_db(self) -> Any:
        found = BrowserSession.objects.filter(
            session_key=stored_key(self.session_key), expire_date__gt=timezone.now()
        ).first()
        if found is None:
            self._session_key = None
        return found

    def exists(self, session_key: str) -> bool:
        return BrowserSession.objects.filter(session_key=stored_key(session_key)).exists()

    def create_model_instance(self, data: Any) -> BrowserSession:
        said = data.get(SESSION_KEY)
        return BrowserSession(
            session_key=stored_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=int(said) if said else None,
        )

    def delete(self, session_key: str | None = None) -> None:
        gone = session_key or self.session_key
        if gone:
            BrowserSession.objects.filter(session_key=stored_key(gone)).delete()
