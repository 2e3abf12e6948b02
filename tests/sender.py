"""A sender as the tests have it: real requests to the real routes."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from webhooks.models import Delivery, Endpoint


@dataclass
class Sender:
    client: Client
    endpoint: Endpoint
    token: str
    uid: str = "WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1"
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, body: Any, *, token: str | None = None, **options: Any) -> Any:
        """Posts JSON, or bytes as they are, to the canonical address."""
        path = f"/webhooks/{self.endpoint.provider}/{token or self.token}/"
        return self.post_to(path, body, **options)

    def post_to(
        self,
        path: str,
        body: Any,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        params = {"uid": self.uid} if query is None else query
        return self.client.post(
            f"{path}?{urlencode(params)}" if params else path,
            raw,
            content_type=content_type,
            headers={**self.headers, **(headers or {})},
        )

    def signed(self, body: Any, secret: str, *, age_s: float = 0, uid: str | None = None) -> Any:
        """Posts with Omi's v1 signature."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return self.post(
            raw, headers={"X-Omi-Signature": omi_signature(raw, secret, uid or self.uid, age_s)}
        )

    def deliveries(self) -> list[Delivery]:
        return list(Delivery.objects.filter(endpoint=self.endpoint).order_by("pk"))


def omi_signature(raw: bytes, secret: str, uid: str, age_s: float = 0) -> str:
    timestamp = int(time.time() - age_s)
    signed = f"{timestamp}.{uid}.".encode() + raw
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
