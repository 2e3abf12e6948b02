"""Endpoints that many people share: whose a delivery is, and how a wearable gets its person."""

import threading
from typing import Any

import httpx
import pytest
from django.db import connection, transaction
from django.test import Client
from pytest_django import Settings

from conversations.models import OmiSession, Question, TranscriptSegment
from memories.models import Memory
from omibackend.core import manifest
from omibackend.core.errors import Refused
from omibackend.core.redis import soft_redis
from omibackend.core.work import leased
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.conversations.phone import answering, hanging, ringing
from tests.sender import Sender
from webhooks.inbox.endpoints import create
from webhooks.models import Delivery, Endpoint, LinkCode, OmiLink
from webhooks.providers.omi import links, shared

ASKED = payload("omi/realtime_transcript__asked")
MEMORY = payload("omi/memory_created__full")


@pytest.fixture
def app(transactional_db: None, staff: Any) -> Sender:
    """An app in Omi's store: its endpoint is the staff's, its deliveries are people's."""
    endpoint = Endpoint(owner=staff, provider="omi", name="Our app", shared=True)
    return Sender(Client(), endpoint, str(create(endpoint).token))


@pytest.fixture
def ben(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ben@example.org", "a long enough passphrase")


def link(owner: Any, uid: str) -> None:
    OmiLink.objects.create(user=owner, uid=uid)
    shared.cache.clear()


def says(*texts: str) -> dict[str, Any]:
    return {
        "segments": [
            {"id": f"{place}-{text}", "text": text, "is_user": True, "start": place, "end": place}
            for place, text in enumerate(texts)
        ]
    }


def spoken(api: Any, owner: Any) -> str:
    answer = api(owner).post("/link/omi/start", {}, format="json").json()
    assert answer["say"] == f"Hey Omi, verify {answer['code']}"
    return str(answer["code"])


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def test_it_gives_a_delivery_to_the_person_of_its_uid(app: Sender, owner: Any, ben: Any) -> None:
    link(owner, app.uid)
    link(ben, "bens-uid")
    app.post(MEMORY)
    app.post(says("Ben was here."), query={"uid": "bens-uid"})
    app.post(says("So was Nadia."))
    work("inbox")
    assert states() == [State.DONE] * 3
    assert Memory.objects.get().owner == owner
    assert OmiSession.objects.get(uid="bens-uid").owner == ben
    people = list(Delivery.objects.order_by("pk").values_list("person", flat=True))
    assert people == [owner.pk, ben.pk, owner.pk]


def test_it_answers_a_question_with_what_that_person_knows(
    app: Sender, owner: Any, staff: Any
) -> None:
    link(owner, app.uid)
    app.post(MEMORY)
    work()
    assert "Tuesday" in app.post(ASKED).json()["message"]
    work()
    assert Question.objects.get().owner == owner


def test_it_sets_aside_what_is_nobodys_and_keeps_its_body(app: Sender) -> None:
    answers = [app.post(body) for body in (MEMORY, ASKED, says("Hey Omi, what is up?"))]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {})] * 3
    work()
    assert states() == [State.DEAD] * 3
    rows = Delivery.objects.all()
    assert {(row.last_error, row.attempts, row.person_id) for row in rows} == {
        (shared.NOT_LINKED, 1, None)
    }
    assert all(row.raw() for row in rows)
    assert not any(model.objects.exists() for model in (Memory, OmiSession, Question))


def test_it_works_linked_and_unlinked_ones_of_one_batch(app: Sender, owner: Any) -> None:
    link(owner, app.uid)
    app.post(says("Mine."))
    app.post(says("Nobody's."), query={"uid": "unknown"})
    app.post(says("Mine too."))
    work("inbox")
    assert states() == [State.DONE, State.DEAD, State.DONE]
    texts = TranscriptSegment.objects.order_by("pk").values_list("text", flat=True)
    assert set(texts) == {"Mine.", "Mine too."}


def test_it_wants_the_uid_where_omi_puts_it(app: Sender, owner: Any) -> None:
    link(owner, app.uid)
    app.post({**says("Whose?"), "session_id": app.uid}, query={})
    work("inbox")
    assert Delivery.objects.get().last_error == shared.NO_UID


@pytest.mark.parametrize(
    "words",
    [
        ("Hey Omi, verify {0}{1}{2}{3}{4}{5}.",),
        ("Hey Omi,", "verify {0} {1} {2}", "{3} {4} {5}"),
    ],
)
def test_it_links_a_wearable_by_what_is_said(
    app: Sender, owner: Any, api: Any, words: tuple[str, ...]
) -> None:
    app.post(MEMORY)
    app.post(says("Not mine."), query={"uid": "unknown"})
    work("inbox")
    code = spoken(api, owner)
    answer = app.post(says(*(text.format(*code) for text in words)))
    assert answer.json() == {"message": shared.LINKED}
    assert OmiLink.objects.get().user == owner
    work("inbox")
    assert states() == [State.DONE, State.DEAD, State.DONE]
    assert Memory.objects.get().owner == owner


def test_it_hears_only_so_many_wrong_codes(app: Sender, owner: Any, api: Any) -> None:
    code = spoken(api, owner)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert app.post(says(f"verify {wrong}")).json() == {}
    assert app.post(says(f"verify {code}")).json() == {}
    assert not OmiLink.objects.exists()


def test_it_links_nothing_by_words_at_somebodys_own_endpoint(
    omi: Sender, owner: Any, api: Any
) -> None:
    """He could post any uid that he likes."""
    code = spoken(api, owner)
    omi.post(says(f"Hey Omi, verify {code}"), query={"uid": "somebody-elses"})
    work()
    assert not OmiLink.objects.exists()


def test_it_makes_up_for_what_was_set_aside_while_it_was_linked(app: Sender, owner: Any) -> None:
    app.post(says("The one before."))
    work("inbox")
    link(owner, app.uid)
    app.post(says("The next one."))
    for _ in range(2):  # the sweeper would wake the lane again
        work("inbox")
    assert states() == [State.DONE] * 2
    assert TranscriptSegment.objects.count() == 2


def test_it_finds_what_waits_for_a_uid_by_an_index(app: Sender) -> None:
    app.post(says("Waiting."))
    work("inbox")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        waiting = Delivery.objects.filter(state=State.DEAD, subject__in=["a"])
        waiting = waiting.order_by("subject")  # of a few rows any index would do
        assert "delivery_dead_subject" in waiting.explain()


def test_it_counts_what_waits_for_a_wearable_as_its_persons(
    app: Sender, owner: Any, ben: Any
) -> None:
    app.post(says("Waiting."))
    app.post(says("Not mine."), query={"uid": "unknown"})
    work("inbox")
    link(owner, app.uid)
    waiting = Delivery.objects.get(subject=app.uid)
    (kept,) = (data for data in manifest.personal_data() if data.app == "webhooks")
    deliveries = kept.tables[0]
    assert (deliveries.ids(owner.pk), deliveries.ids(ben.pk)) == ([waiting.pk], [])


def test_it_stays_the_first_persons_in_a_replay(app: Sender, owner: Any, ben: Any) -> None:
    link(owner, app.uid)
    app.post(MEMORY)
    work("inbox")
    OmiLink.objects.all().delete()
    link(ben, app.uid)
    leased.replay(Delivery.objects.all())
    work("inbox")
    assert states() == [State.DONE]
    assert Memory.objects.get().owner == owner


def test_it_works_nothing_more_after_unlinking(app: Sender, owner: Any, api: Any) -> None:
    link(owner, app.uid)
    app.post(MEMORY)
    work("inbox")
    client = api(owner)
    assert [row["uid"] for row in client.get("/link/omi").json()["links"]] == [app.uid]
    assert client.delete("/link/omi").status_code == 204
    app.post(says("After it."))
    work("inbox")
    assert states() == [State.DONE, State.DEAD]
    assert Memory.objects.get().owner == owner


def test_it_keeps_nothing_of_an_erased_person(app: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    app.post(says("Stored before."))
    monkeypatch.setattr(shared, "is_erased_uid", lambda uid: uid == app.uid)
    shared.cache.clear()
    assert app.post(says("Sent after.")).json() == {}
    work("inbox")
    row = Delivery.objects.get()
    assert (row.state, row.body, row.query, row.effects) == (State.DONE, None, {}, [])
    assert row.subject == ""
    counted = soft_redis.client().hgetall(f"counted:{app.endpoint.pk}")
    assert counted[b"realtime_transcript:requests"] == b"1"


def test_it_asks_no_more_for_an_ordinary_endpoint(
    omi: Sender, app: Sender, owner: Any, django_assert_num_queries: Any
) -> None:
    for sender, uid in ((omi, "any"), (app, app.uid)):
        link(owner, uid)
        sender.post(says("Warm."))
        with django_assert_num_queries(0):  # the INSERT goes past Django's cursor
            assert sender.post(says("Once more.")).status_code == 200


def test_it_pushes_a_code_to_the_phone_and_links_it(
    app: Sender, owner: Any, api: Any, settings: Settings
) -> None:
    app.post(MEMORY)
    work("inbox")
    settings.OMI_APP_ID, settings.OMI_APP_SECRET = "app", "secret"
    client = api(owner)
    with ringing(answering(200)) as phone:
        settings.OMI_API_URL = phone.url
        answer = client.post("/link/omi/start", {"uid": app.uid}, format="json")
    assert (answer.json()["code"], answer.json()["pushed"]) == (None, True)
    ((uid, message),) = phone.pushed
    assert uid == app.uid
    code = message[:6]
    assert code not in answer.content.decode()
    answer = client.post("/link/omi/confirm", {"code": code}, format="json")
    assert (answer.status_code, answer.json()["uid"]) == (200, app.uid)
    work("inbox")
    assert Memory.objects.get().owner == owner


@pytest.mark.parametrize(("status", "answered"), [(500, 503), (404, 409), (401, 409)])
def test_it_says_when_the_phone_was_not_reached(
    owner: Any, api: Any, settings: Settings, status: int, answered: int
) -> None:
    settings.OMI_APP_ID, settings.OMI_APP_SECRET = "app", "secret"
    with ringing(answering(status)) as phone:
        settings.OMI_API_URL = phone.url
        answer = api(owner).post("/link/omi/start", {"uid": "u"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (answered, "not_sent")


def test_it_pushes_nothing_without_an_app(owner: Any, api: Any) -> None:
    answer = api(owner).post("/link/omi/start", {"uid": "u"}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "not_configured")
    assert not LinkCode.objects.exists()


def test_it_holds_no_transaction_while_it_pushes(
    owner: Any, api: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OMI_APP_ID, settings.OMI_APP_SECRET = "app", "secret"
    monkeypatch.setattr("conversations.voice.omi_api.TIMEOUT_S", 0.2)
    inside = []
    monkeypatch.setattr(
        "httpx.Client.post",
        _noting(lambda: inside.append(len(connection.savepoint_ids))),
    )
    with ringing(hanging) as phone:
        settings.OMI_API_URL = phone.url
        answer = api(owner).post("/link/omi/start", {"uid": "u"}, format="json")
    assert (answer.status_code, inside) == (200, [0])


def _noting(note: Any) -> Any:
    post = httpx.Client.post

    def noting(*args: Any, **options: Any) -> Any:
        note()
        return post(*args, **options)

    return noting


@pytest.mark.parametrize(
    ("route", "limit", "body"),
    [("start", 5, {}), ("confirm", 10, {"code": "000000"})],
)
def test_it_throttles(owner: Any, api: Any, route: str, limit: int, body: dict[str, str]) -> None:
    client = api(owner)
    answers = [client.post(f"/link/omi/{route}", body, format="json") for _ in range(limit + 1)]
    assert [answer.status_code for answer in answers].count(429) == 1
    assert answers[-1].status_code == 429
    assert int(answers[-1]["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("route", "body"),
    [
        ("start", {"uid": "a b"}),
        ("start", {"uid": ""}),
        ("start", {"uid": "x" * 129}),
        ("confirm", {"code": "12345"}),
        ("confirm", {"code": 123456}),
        ("confirm", {"code": "123456\n"}),
        ("confirm", {}),
    ],
)
def test_it_refuses_odd_words(owner: Any, api: Any, route: str, body: Any) -> None:
    answer = api(owner).post(f"/link/omi/{route}", body, format="json")
    assert answer.status_code == 400
    assert not LinkCode.objects.exists()


def test_it_lets_no_program_link(owner: Any, api: Any) -> None:
    program = api(owner, ["read", "write"])
    assert program.post("/link/omi/start").status_code == 403
    assert program.post("/link/omi/confirm").status_code == 403
    assert program.delete("/link/omi").status_code == 403
    assert program.get("/link/omi").json() == {"links": []}
    assert api().get("/link/omi").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_it_spends_no_more_tries_than_there_are(owner: Any) -> None:
    """Twenty at once: five are looked at."""
    code, _ = links.start(user_id=owner.pk, uid="u")
    wrong = f"{(int(code) + 1) % 1_000_000:06}"

    def guess() -> None:
        try:
            links.confirm_pushed(user_id=owner.pk, code=wrong)
        except Refused:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert LinkCode.objects.get().tries == 5


def test_it_is_shared_only_if_staff_makes_it_so(owner: Any, staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    form = {"name": "App", "provider": "omi", "owner": owner.pk, "policy": "token", "shared": "on"}
    client.post("/admin/webhooks/endpoint/add/", {**form, "enabled": "on"})
    endpoint = Endpoint.objects.get()
    assert endpoint.shared
    client.post(f"/admin/webhooks/endpoint/{endpoint.pk}/change/", {**form, "shared": ""})
    endpoint.refresh_from_db()
    assert endpoint.shared
