"""Which endpoint a request means, and whether it proved it. No query per request."""

import time

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from omibackend.core.errors import Refused
from omibackend.core.postgres.crypto import token_hash
from omibackend.core.recent import Recent
from omibackend.core.redis import soft_redis
from webhooks.inbox.fast_path.statements import INGEST, retried
from webhooks.inbox.provider import Incoming, KnownEndpoint, Provider
from webhooks.models import Endpoint, Policy

MOST_SIGNED_BY_SIGNATURE_ALONE = 50


def _load(asked: tuple[str, str]) -> list[KnownEndpoint]:
    """The endpoint of a token; without one, those that a signature alone may identify."""
    provider, hashed = asked
    rows = Endpoint.objects.using(INGEST).filter(
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


# Unknown tokens are remembered too, so that guessing them costs the database nothing.
cache = Recent[tuple[str, str], list[KnownEndpoint]](lambda asked: retried(lambda _: _load(asked)))


def known_by(provider: Provider, token: str | None) -> list[KnownEndpoint]:
    return cache.find((provider.name, token_hash(token) if token else ""))


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
