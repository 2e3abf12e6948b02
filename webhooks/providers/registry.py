"""The one table of senders."""

from webhooks.inbox.provider import Provider
from webhooks.providers.omi import OMI
from webhooks.providers.storage import STORAGE

PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (OMI, STORAGE)}
