from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def _speaking_json(client: APIClient) -> APIClient:
    client.default_format = "json"
    return client


@pytest.fixture
def me(api: Callable[..., APIClient], owner: Any) -> APIClient:
    """The owner, on a device."""
    return _speaking_json(api(owner))


@pytest.fixture
def stranger(api: Callable[..., APIClient], staff: Any) -> APIClient:
    """Somebody else: staff have no more rights here than anybody."""
    return _speaking_json(api(staff))
