"""The one table of senders."""

from webhooks.inbox.provider import Provider, SenderSettings
from webhooks.models import Endpoint
from webhooks.providers.omi import OMI
from webhooks.providers.storage import STORAGE

PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (OMI, STORAGE)}


def settings_of(endpoint: Endpoint) -> type[SenderSettings]:
    """What may be set there; nothing if its sender is gone."""
    provider = PROVIDERS.get(endpoint.provider)
    return provider.settings if provider else SenderSettings
