"""Which endpoint a request means, and whether it proved it. No query per request."""

import time
from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from omibackend.core.errors import Refused, is_database_down
from omibackend.core.postgres.crypto import token_hash
from omibackend.core.redis import soft_redis
from webhooks.inbox.provider import Incoming, KnownEndpoint, Provider
from webhooks.models import Endpoint, Policy

CACHE_S = 3.0
CACHE_ENTRIES = 4096
MOST_SIGNED_BY_SIGNATURE_ALONE = 50


class EndpointCache:
    """Answers by token without a query. A switch in the admin acts within `CACHE_S`.

    Unknown tokens are remembered too, so that guessing them costs the database nothing.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[float, list[KnownEndpoint]]] = {}

    def find(self, provider: str, token: str | None) -> list[KnownEndpoint]:
        key = (provider, token_hash(token) if token else "")
        now = time.monotonic()
        found = self._entries.get(key)
        if found and found[0] > now:
            return found[1]
        if len(self._entries) >= CACHE_ENTRIES:
            self._entries.clear()
        known: list[KnownEndpoint] = retried(lambda _: _load(provider, key[1]))
        self._entries[key] = (now + CACHE_S, known)
        return known

    def clear(self) -> None:
        self._entries.clear()


cache = EndpointCache()


def retried(statement: Callable[[BaseDatabaseWrapper], Any]) -> Any:
    """Runs one statement; once more on a fresh connection if the kept one had died, as after a
    restart of PostgreSQL."""
    connection = connections["ingest"]
    try:
        return statement(connection)
    except DatabaseError as error:
        if connection.in_atomic_block or not is_database_down(error):
            raise
        connection.close()
        return statement(connection)


def _load(provider: str, hashed: str) -> list[KnownEndpoint]:
    """The endpoint of a token; without one, those that a signature alone may identify."""
    rows = Endpoint.objects.using("ingest").filter(
        provider=provider, enabled=True, owner__is_active=True
    )
    rows = rows.annotate(
        both_live=Q(previous_secret_live=True)
        & (Q(previous_secret_until=None) | Q(previous_secret_until__gt=Now()))
    )
    if hashed:
        live = Q(previous_token_until=None) | Q(previous_token_until__gt=Now())
        rows = rows.filter(Q(token_hash=hashed) | Q(previous_token_hash=hashed) & live)
    else:
        rows = rows.filter(policy=Policy.SIGNATURE).order_by("pk")
    return [
        KnownEndpoint(
            id=row.pk,
            owner_id=row.owner_id,
            policy=row.policy,
            rate_limit_per_minute=row.rate_limit_per_minute,
            secret=row.secret,
            previous_secret=row.previous_secret,
            previous_secret_live=row.both_live,
            shared=row.shared,
        )
        for row in rows[:MOST_SIGNED_BY_SIGNATURE_ALONE]
    ]


def offered_token(request: HttpRequest, in_path: str | None) -> str | None:
    """The token from the path, `Authorization: Bearer`, `X-Webhook-Token` or `?token=`. MinIO
    puts its token into `Authorization` as it is."""
    if in_path:
        return in_path
    scheme, _, bearer = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() == "bearer" or not bearer:
        offered = str(bearer or scheme).strip()
        if offered and offered.lower() != "bearer":
            return offered
    header = request.META.get("HTTP_X_WEBHOOK_TOKEN")
    return str(header or request.GET.get("token") or "") or None


def unknown(provider: Provider) -> Refused:
    return Refused(
        401, "wrong_token", f"No {provider.label} endpoint has this token, or it is off."
    )


def candidates(provider: Provider, token: str | None) -> list[KnownEndpoint]:
    found = cache.find(provider.name, token)
    if found:
        return found
    if token:
        raise unknown(provider)
    raise Refused(
        401,
        "no_token",
        "Send the endpoint's token: in the path, as a Bearer, in X-Webhook-Token or as ?token=.",
    )


def authenticate(
    provider: Provider, found: list[KnownEndpoint], incoming: Incoming, *, by_token: bool
) -> tuple[KnownEndpoint, str]:
    """The endpoint that the request proved, and how: "", "valid" or "previous secret"."""
    if by_token:
        return found[0], _check(provider, found[0], incoming)
    refusal = None
    for endpoint in found:
        try:
            return endpoint, _check(provider, endpoint, incoming)
        except Refused as error:
            refusal = error
    raise refusal or Refused(401, "no_token", "Send the endpoint's token.")


def _check(provider: Provider, endpoint: KnownEndpoint, incoming: Incoming) -> str:
    """A signature is checked whenever the endpoint has a secret; the policy says if it must be."""
    secrets = endpoint.live_secrets
    if endpoint.policy == Policy.TOKEN and (not secrets or not provider.is_signed(incoming)):
        return ""
    if not secrets:
        raise Refused(401, "no_secret", "This endpoint asks for a signature but has no secret yet.")
    if not provider.is_signed(incoming):
        raise Refused(401, "no_signature", "This endpoint asks for a signature; none was sent.")
    verdict = provider.verify(incoming, secrets)
    if verdict.matched is None:
        raise Refused(401, "wrong_signature", _why(provider, endpoint, incoming, verdict.reason))
    return "valid" if secrets[verdict.matched] == endpoint.secret else "previous secret"


def _why(provider: Provider, endpoint: KnownEndpoint, incoming: Incoming, reason: str) -> str:
    retired = endpoint.previous_secret if not endpoint.previous_secret_live else ""
    if retired and provider.verify(incoming, [retired]).matched is not None:
        reason = "the signature did not match: the old secret was used"
    return f"Refused: {reason}."


def check_rate(endpoint: KnownEndpoint) -> None:
    """At most so many requests in a minute. Without Redis nothing is limited."""
    limit = endpoint.rate_limit_per_minute
    if limit is None:
        return
    now_s = int(time.time())
    key = f"rate:{endpoint.id}:{now_s // 60}"
    counted = soft_redis.pipeline(lambda pipe: (pipe.incr(key), pipe.expire(key, 120)))
    if counted and counted[0] > limit:
        raise Refused(
            429,
            "throttled",
            f"More than {limit} requests in a minute.",
            retry_after_s=60 - now_s % 60,
        )
