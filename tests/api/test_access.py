"""Who gets at what, over every route that the API's description knows."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from conversations.models import Conversation, OmiSession
from emg.models import Recording
from memories.models import ActionItem, Memory
from omibackend.accounts.models import Token
from tests.api.operations import Operation, operations
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import Bucket
from tests.sender import Sender

Api = Callable[..., APIClient]
CANARY = "quokka"
# A name that everybody may use for a chat of their own; it is no key of a row.
OWN_NAMES = {"/context/status/{session_id}"}
# Senders are told apart by their token.
OF_SENDERS = {"/webhooks/{provider}/{token}"}
# Any token may end itself.
OWN_END = "/auth/logout"


@pytest.fixture
def mallory(db: None) -> Any:
    return get_user_model().objects.create_user("mallory@example.org", "a long passphrase three")


@pytest.fixture
def ids(omi: Sender, bucket: Bucket, owner: Any, api: Api) -> dict[str, str]:
    """Something of Nadia's for each kind of path, with a word in it that nobody else says."""
    told = payload("omi/memory_created__full")
    told["structured"]["title"] = f"The {CANARY} plan"
    for segment in told["transcript_segments"]:
        segment["text"] += f" {CANARY}"
    omi.post(told)
    work("inbox")
    api(owner).post("/chat", {"session_id": "kitchen", "message": f"{CANARY}?"}, format="json")
    uploaded = {**payload("storage/plain__object"), "session_id": CANARY}
    bucket.put(emg_file())
    bucket.tell(uploaded)
    recording = str(Recording.objects.get(owner=owner).pk)
    token, _ = Token.objects.create(owner, name=CANARY, scopes=["read"])
    return {
        "memories": str(Memory.objects.get(owner=owner).pk),
        "action-items": str(ActionItem.objects.filter(owner=owner)[0].pk),
        "conversations": str(Conversation.objects.filter(owner=owner, kind="omi")[0].pk),
        "transcript": str(OmiSession.objects.get(owner=owner).pk),
        "endpoints": str(omi.endpoint.pk),
        "tokens": str(token.pk),
        "webhooks": recording,
        "emg": recording,
        "signals": recording,
    }


def call(client: APIClient, operation: Operation, path: str) -> Any:
    send = getattr(client, operation.method)
    return send(path) if operation.method == "get" else send(path, operation.body, format="json")


def filled(operation: Operation, ids: dict[str, str]) -> str:
    """The path with an id of Nadia's. A new kind of path has none here, and fails."""
    kind = operation.path.split("/")[1]
    head, _, rest = operation.path.partition("{")
    return head + ids[kind] + rest.partition("}")[2].replace("{channel}", "CH1 Raw")


def with_ids() -> list[Operation]:
    skipped = OWN_NAMES | OF_SENDERS
    return [op for op in operations() if "{" in op.path and op.path not in skipped]


def test_it_answers_404_for_what_is_another_persons(
    mallory: Any, ids: dict[str, str], api: Api
) -> None:
    client = api(mallory)
    before = Memory.objects.values().get()
    wrong = {
        str(operation): status
        for operation in with_ids()
        if (status := call(client, operation, filled(operation, ids)).status_code) != 404
    }
    assert len(with_ids()) >= 15
    assert wrong == {}
    assert Memory.objects.values().get() == before


def test_it_would_have_answered_its_owner(owner: Any, ids: dict[str, str], api: Api) -> None:
    """So that the 404 above is about the person and not about the path."""
    client = api(owner)
    for operation in with_ids():
        if operation.method == "get":
            assert call(client, operation, filled(operation, ids)).status_code == 200, operation


def test_it_answers_404_for_an_id_that_is_none(owner: Any, api: Api, ids: dict[str, str]) -> None:
    client = api(owner)
    for operation in with_ids():
        for nonsense in ("x", "0" * 36, "00000000-0000-0000-0000-000000000000", "%00", "🙂"):
            path = filled(operation, dict.fromkeys(ids, nonsense))
            assert call(client, operation, path).status_code == 404, (operation, nonsense)


def test_it_lists_nothing_of_another_person(mallory: Any, ids: dict[str, str], api: Api) -> None:
    client = api(mallory)
    for operation in operations():
        if operation.method != "get" or "{" in operation.path:
            continue
        for query in ({}, {"q": CANARY}, {"format": "csv"}):
            answer = client.get(operation.path, query)
            body = b"".join(answer) if answer.streaming else answer.content
            assert CANARY.encode() not in body.lower(), operation


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("/memories/{own}/merge", "post", {"other": "{memories}"}),
        ("/memories/bulk", "post", {"ids": ["{memories}"], "action": "delete"}),
        (
            "/context/windows",
            "post",
            {"session_id": "x", "slot": 1, "conversation_id": "{conversations}"},
        ),
        ("/preferences", "patch", {"default_conversation": "{conversations}"}),
    ],
)
def test_it_answers_404_for_an_id_in_the_body(
    mallory: Any, ids: dict[str, str], api: Api, path: str, method: str, body: Any
) -> None:
    client = api(mallory)
    own = client.post("/memories", {"text": "mine"}, format="json").json()["id"]

    def put(value: Any) -> Any:
        if isinstance(value, str) and value.startswith("{"):
            return ids[value.strip("{}")]
        return [put(item) for item in value] if isinstance(value, list) else value

    sent = {name: put(value) for name, value in body.items()}
    answer = getattr(client, method)(path.replace("{own}", own), sent, format="json")
    assert answer.status_code == 404
    assert Memory.objects.count() == 2


def test_it_asks_everybody_who_they_are(ids: dict[str, str], api: Api) -> None:
    guarded = [op for op in operations() if not op.is_open]
    assert len(guarded) > 30
    for client in (api(), _with("Bearer " + "x" * 64), _with("Bearer é"), _with("Token x")):
        for operation in guarded:
            path = filled(operation, ids) if operation in with_ids() else operation.path
            answer = call(client, operation, path.replace("{session_id}", "x"))
            assert answer.status_code == 401, operation


def _with(authorization: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=authorization)
    return client


def test_it_holds_a_named_token_to_its_rights(owner: Any, api: Api, ids: dict[str, str]) -> None:
    """A token that may only send texts may do nothing here."""
    client = api(owner, scopes=["sms"])
    for operation in operations():
        if not operation.is_open and operation.path != OWN_END:
            path = filled(operation, ids) if operation in with_ids() else operation.path
            answer = call(client, operation, path.replace("{session_id}", "x"))
            assert answer.status_code == 403, operation
    assert Memory.objects.count() == 1


def test_it_reads_only_with_a_token_for_reading(owner: Any, api: Api, ids: dict[str, str]) -> None:
    client = api(owner, scopes=["read"])
    for operation in operations():
        if operation.is_open or operation.method == "get" or operation.path == OWN_END:
            continue
        path = filled(operation, ids) if operation in with_ids() else operation.path
        assert call(client, operation, path).status_code == 403, operation
    assert client.get("/memories").status_code == 200


def test_it_has_one_description(owner: Any, ids: dict[str, str], api: Api) -> None:
    """OPTIONS is not a second one; it is refused like any method that a route doesn't have."""
    client = api(owner)
    for operation in with_ids():
        answer = client.options(filled(operation, ids))
        assert (answer.status_code, operation.method.upper() in answer["Allow"]) == (405, True)
