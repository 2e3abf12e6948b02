"""Endpoints: made, rotated with an overlap, removed; and whose deliveries are whose."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from pydantic import SecretStr, ValidationError

from omibackend.core.errors import Refused, describe
from omibackend.core.postgres.crypto import token_hash
from webhooks.inbox.provider import SenderSettings
from webhooks.models import Delivery, Endpoint, Policy

AT_ONCE = 5000
LEAST_SECRET_CHARS = 16


@dataclass(frozen=True)
class Made:
    """An endpoint, and what of it can be read this once."""

    endpoint: Endpoint
    token: str | None = None
    secret: str | None = None


def new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def create(endpoint: Endpoint, *, signed: bool = False) -> Made:
    """Stores it with a new token, and with a secret if it is to be signed or its policy asks."""
    token = _with_new_token(endpoint)
    if signed or endpoint.policy != Policy.TOKEN:
        endpoint.secret = new_secret()
    endpoint.save()
    return Made(endpoint, token, endpoint.secret or None)


def change(endpoint: Endpoint, changes: dict[str, Any], settings: type[SenderSettings]) -> Endpoint:
    """Saves only what changes. A signature cannot be asked for while there is no secret."""
    if "settings" in changes:
        given = checked_settings(endpoint, changes["settings"], settings)
        changes = {**changes, "settings": given}
    if changes.get("policy", Policy.TOKEN) != Policy.TOKEN and not endpoint.secret:
        raise Refused(409, "no_secret", "Rotate a secret in first.", attr="policy")
    for name, value in changes.items():
        setattr(endpoint, name, value)
    endpoint.save(update_fields=list(changes))
    return endpoint


def shown_settings(endpoint: Endpoint, settings: type[SenderSettings]) -> dict[str, Any]:
    return settings.of(endpoint.settings).model_dump(mode="json", exclude_defaults=True)


def checked_settings(
    endpoint: Endpoint, given: dict[str, Any], settings: type[SenderSettings]
) -> dict[str, Any]:
    """A secret that comes back as it was shown stays as it is."""
    masked = str(SecretStr("x"))
    kept = {
        name: endpoint.settings.get(name) if value == masked else value
        for name, value in given.items()
    }
    try:
        settings.model_validate(kept)
    except ValidationError as error:
        raise Refused(400, "invalid", describe(error), attr="settings") from error
    return kept


def rotate(
    endpoint: Endpoint,
    *,
    new_token: bool = False,
    secret: str | None = None,
    overlap: timedelta | None = None,
) -> Made:
    """A new token, a new secret or both; what they replace stays valid for as long as `overlap`
    says, or with None until `end_overlap`. What an earlier rotation replaced ends now."""
    with transaction.atomic():
        held = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
        token = _replace_token(held, overlap) if new_token else None
        if secret:
            _replace_secret(held, secret, overlap)
        held.save(update_fields=ROTATED)
    held.refresh_from_db()
    return Made(held, token, secret)


ROTATED = (
    *("token_hash", "token_hint", "previous_token_hash", "previous_token_until"),
    *("secret", "previous_secret", "previous_secret_live", "previous_secret_until", "rotated_at"),
)


def _with_new_token(endpoint: Endpoint) -> str:
    """The only time that it can be read."""
    token = secrets.token_urlsafe(32)
    endpoint.token_hash, endpoint.token_hint = token_hash(token), token[-4:]
    return token


def _replace_token(endpoint: Endpoint, overlap: timedelta | None) -> str:
    stays = overlap != timedelta(0)
    endpoint.previous_token_hash = endpoint.token_hash if stays else None
    endpoint.previous_token_until = _end(overlap)
    return _with_new_token(endpoint)


def _replace_secret(endpoint: Endpoint, secret: str, overlap: timedelta | None) -> None:
    endpoint.previous_secret, endpoint.secret = endpoint.secret, secret
    endpoint.previous_secret_live = bool(endpoint.previous_secret) and overlap != timedelta(0)
    endpoint.previous_secret_until = _end(overlap)
    endpoint.rotated_at = Now()


def _end(overlap: timedelta | None) -> Any:
    return Now() + overlap if overlap else None


def end_overlap(endpoint: Endpoint, *, token: bool = True) -> None:
    """The old secret is refused from now on, and with `token` the old token too."""
    ended = {"previous_token_hash": None, "previous_token_until": None} if token else {}
    Endpoint.objects.filter(pk=endpoint.pk).update(previous_secret_live=False, **ended)


def deliveries_of(user_id: int) -> QuerySet[Delivery]:
    """Raw deliveries that are this person's: their own endpoints', and of shared ones what became
    theirs. What a shared endpoint got is never its owner's."""
    return Delivery.objects.filter(
        Q(endpoint__owner_id=user_id, endpoint__shared=False) | Q(person_id=user_id)
    )


def strip(rows: QuerySet[Delivery]) -> None:
    """What they became stays, and so does the hash of what was sent."""
    rows.update(body=None, headers={}, query={}, subject="", remote_addr=None)


def remove(endpoint: Endpoint) -> None:
    """Deletes it with its deliveries. What they became stays."""
    Endpoint.objects.filter(pk=endpoint.pk).update(enabled=False)
    deliveries = Delivery.objects.filter(endpoint=endpoint)
    while ids := list(deliveries.values_list("pk", flat=True)[:AT_ONCE]):
        Delivery.objects.filter(pk__in=ids).delete()
    with transaction.atomic():
        # A delivery that is being stored waits for this lock, and is refused after it.
        Endpoint.objects.select_for_update().filter(pk=endpoint.pk).first()
        endpoint.delete()
