"""Who calls the REST API: a device's or a program's token."""

import re
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

from omibackend.accounts.models import Token, User

USED_EVERY = timedelta(minutes=1)


class BearerAuthentication(TokenAuthentication):
    """knox's, and it remembers when the token was last used."""

    def authenticate_credentials(self, token: bytes) -> tuple[User, Token]:
        if not re.fullmatch(rb"[A-Za-z0-9_-]{16,200}", token):
            raise AuthenticationFailed("Invalid token.")
        user, found = super().authenticate_credentials(token)
        _used(found)
        return user, found

    def renew_token(self, auth_token: Token) -> None:
        """Only a device's life is prolonged by use: a program's ends when its owner said."""
        if auth_token.scopes is None:
            super().renew_token(auth_token)

    def _cleanup_token(self, auth_token: Token) -> bool:
        """Whether it has ended. knox would look through all of the person's tokens each time; here
        `prune` removes what has ended."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


def _used(token: Token) -> None:
    """Written at most once in `USED_EVERY`, so that reading stays reading."""
    if token.last_used_at is None or token.last_used_at < timezone.now() - USED_EVERY:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lt=Now() - USED_EVERY)
        Token.objects.filter(long_ago, pk=token.pk).update(last_used_at=Now())


def bearer_of(request: Any) -> Token | None:
    """The token that the request came with; None for a session."""
    return request.auth if isinstance(request.auth, Token) else None
