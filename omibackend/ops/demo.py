"""Sample deliveries, sent through the real HTTP route as their senders would."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from django.conf import settings

from webhooks.inbox.provider import Sample
from webhooks.providers.registry import PROVIDERS

TIMEOUT_S = 30.0
# Time for one delivery to be worked before the next refers to it, as in life.
PAUSE_S = 1.0


@dataclass(frozen=True)
class Sent:
    provider: str
    status: int
    took_ms: float
    answer: str


def answers_within(seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{settings.PUBLIC_URL}/health/ready", timeout=2).status_code == 200:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    return False


def send_all(urls: dict[str, str]) -> Iterator[Sent]:
    """Every sample of every sender with an address, in the order that they would come."""
    with httpx.Client(timeout=TIMEOUT_S) as client:
        for name, url in urls.items():
            for sample in PROVIDERS[name].samples():
                yield _send(client, name, url, sample)
                time.sleep(PAUSE_S)


def _send(client: httpx.Client, name: str, url: str, sample: Sample) -> Sent:
    answer = client.post(
        url, params=dict(sample.query), headers=dict(sample.headers), json=sample.body
    )
    return Sent(name, answer.status_code, answer.elapsed.total_seconds() * 1000, answer.text[:300])
