"""What the API's description shows is what the API takes and answers."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from omibackend.accounts.models import User
from tests.api.shown import Shown

pytestmark = pytest.mark.django_db
SHOWN = Shown("omibackend.accounts.api")
Api = Callable[..., APIClient]


def speaking_json(client: APIClient) -> APIClient:
    client.default_format = "json"
    return client


def test_one_joins_signs_in_and_leaves_as_shown(api: Api) -> None:
    entrance, joining = speaking_json(api()), SHOWN.sent("register")
    SHOWN.answered("register", entrance.post("/auth/register", joining), 201)
    SHOWN.answered("login", entrance.post("/auth/login", SHOWN.sent("login")))
    device = speaking_json(api(User.objects.get(email=joining["email"])))
    SHOWN.answered("me", device.get("/auth/me"))
    SHOWN.answered("me", device.patch("/auth/me", SHOWN.sent("me_change")))
    SHOWN.answered("erase", device.delete("/account", SHOWN.sent("erase")), 202)


def test_what_is_the_persons_own_is_set_as_shown(owner: Any, api: Api) -> None:
    device = speaking_json(api(owner))
    made = device.post("/tokens", SHOWN.sent("tokens_create"))
    SHOWN.answered("tokens_create", made, 201)
    SHOWN.answered("tokens_list", device.get("/tokens"))
    wanted = SHOWN.sent("preferences_replace")
    assert SHOWN.answered("preferences", device.put("/preferences", wanted)) == wanted
    changes = SHOWN.sent("preferences_change")
    assert SHOWN.answered("preferences", device.patch("/preferences", changes))["mute"] is True
    SHOWN.answered("export", device.get("/account/export"), 202)
