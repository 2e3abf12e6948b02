"""Which endpoint a request means, and whether it proved it. No query per request."""

import re
import time
from base64 import urlsafe_b64decode
from dataclasses import replace

import orjson
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from omibackend.core.errors import Refused
from omibackend.core.postgres.crypto import token_hash
from omibackend.core.recent import Recent
from omibackend.core.redis import soft_redis
from webhooks.inbox.fast_path.statements import INGEST, retried
from webhooks.inbox.provider import Dialect, Incoming, KnownEndpoint, Proof, Provider
from webhooks.models import Endpoint, Policy

MOST_SIGNED_BY_SIGNATURE_ALONE = 50
_THREE_PARTS = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)


def _load(asked: tuple[Provider, str]) -> list[KnownEndpoint]:
    """The endpoint of a token; without one, those that a signature alone may identify."""
    provider, hashed = asked
    rows = Endpoint.objects.using(INGEST).filter(
        provider=provider.name, enabled=True, owner__is_active=True
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
        replace(known(provider, row), previous_secret_live=row.both_live)
        for row in rows[:MOST_SIGNED_BY_SIGNATURE_ALONE]
    ]


# Unknown tokens are remembered too, so that guessing them costs the database nothing.
cache = Recent[tuple[Provider, str], list[KnownEndpoint]](
    lambda asked: retried(lambda _: _load(asked))
)


def known(provider: Provider, row: Endpoint) -> KnownEndpoint:
    return KnownEndpoint(
        id=row.pk,
        owner_id=row.owner_id,
        policy=row.policy,
        rate_limit_per_minute=row.rate_limit_per_minute,
        secret=row.secret,
        previous_secret=row.previous_secret,
        previous_secret_live=row.previous_secret_live,
        shared=row.shared,
        settings=provider.settings.of(row.settings),
    )


def known_by(provider: Provider, token: str | None) -> list[KnownEndpoint]:
    return cache.find((provider, token_hash(token) if token else ""))


def offered_token(request: HttpRequest, in_path: str | None) -> str | None:
    """The token from the path, `Authorization: Bearer`, `X-Webhook-Token` or `?token=`. MinIO
    puts its token into `Authorization` as it is. A JWT there is a signature, not a token."""
    if in_path:
        return in_path
    scheme, _, bearer = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    if scheme.lower() == "bearer" or not bearer:
        offered = str(bearer or scheme).strip()
        if offered and offered.lower() != "bearer" and not _is_jwt(offered):
            return offered
    header = request.META.get("HTTP_X_WEBHOOK_TOKEN")
    return str(header or request.GET.get("token") or "") or None


def _is_jwt(offered: str) -> bool:
    """Three parts in base64url, the first a JSON object. No token of ours holds a dot."""
    if not _THREE_PARTS.fullmatch(offered):
        return False
    header = offered.partition(".")[0]
    try:
        return isinstance(orjson.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4))), dict)
    except ValueError:
        return False


def unknown(provider: Provider) -> Refused:
    return Refused(
        401, "wrong_token", f"No {provider.label} endpoint has this token, or it is off."
    )


def candidates(provider: Provider, token: str | None) -> list[KnownEndpoint]:
    found = known_by(provider, token)
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
) -> Proof:
    """The endpoint that the request proved, and in which dialect."""
    if by_token:
        return _proof(provider, found[0], incoming)
    refusal = None
    for endpoint in found:
        try:
            return _proof(provider, endpoint, incoming)
        except Refused as error:
            refusal = error
    raise refusal or Refused(401, "no_token", "Send the endpoint's token.")


def _proof(provider: Provider, endpoint: KnownEndpoint, incoming: Incoming) -> Proof:
    dialect = provider.dialect_of(incoming, endpoint.settings)
    return Proof(endpoint, dialect, _check(dialect, endpoint, incoming))


def _check(dialect: Dialect, endpoint: KnownEndpoint, incoming: Incoming) -> str:
    """A signature is checked whenever the endpoint has a secret; the policy says if it must be."""
    secrets = endpoint.live_secrets
    if endpoint.policy == Policy.TOKEN and (not secrets or not dialect.is_signed(incoming)):
        return ""
    if not secrets:
        raise Refused(401, "no_secret", "This endpoint asks for a signature but has no secret yet.")
    if not dialect.is_signed(incoming):
        raise Refused(401, "no_signature", "This endpoint asks for a signature; none was sent.")
    verdict = dialect.verify(incoming, secrets)
    if verdict.matched is None:
        raise Refused(401, "wrong_signature", _why(dialect, endpoint, incoming, verdict.reason))
    return "valid" if secrets[verdict.matched] == endpoint.secret else "previous secret"


def _why(dialect: Dialect, endpoint: KnownEndpoint, incoming: Incoming, reason: str) -> str:
    retired = endpoint.previous_secret if not endpoint.previous_secret_live else ""
    if retired and dialect.verify(incoming, [retired]).matched is not None:
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
