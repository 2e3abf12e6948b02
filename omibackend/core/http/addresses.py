"""Whose request it is, as far as the network tells."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

# What a provider gives one customer: he may use any address of it.
IPV6_PREFIX = 64


def client_address(request: HttpRequest) -> str | None:
    """The client's address: what the last trusted proxy saw, never what a client claims."""
    proxies = settings.TRUSTED_PROXY_COUNT
    if proxies:
        seen = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(seen) >= proxies:
            return seen[-proxies].strip() or None
    return request.META.get("REMOTE_ADDR") or None


def counted_address(request: HttpRequest) -> str:
    """The same for counting: one for all that a single customer may use, and always one."""
    for said in (client_address(request), request.META.get("REMOTE_ADDR")):
        try:
            address = ip_address(said or "")
        except ValueError:  # a client that came past the proxies may have written anything
            continue
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            return str(ip_network((address, IPV6_PREFIX), strict=False).network_address)
        return str(address)
    return "0.0.0.0"  # noqa: S104 (a Unix socket has no address)
