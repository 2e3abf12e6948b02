"""Deliveries and endpoints as staff see them."""

from webhooks.admin.deliveries import DeliveryAdmin
from webhooks.admin.endpoints import EndpointAdmin
from webhooks.admin.links import OmiLinkAdmin

__all__ = ["DeliveryAdmin", "EndpointAdmin", "OmiLinkAdmin"]
