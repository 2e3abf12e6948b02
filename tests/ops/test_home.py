from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conversations.models import Question
from conversations.pages.needs import unanswered
from memories.models import Memory
from omibackend.core.errors import Refused
from omibackend.core.redis import metrics, soft_redis
from omibackend.ops import navigation
from omibackend.ops.home import Home, home
from tests.conftest import work
from tests.emg.c3d_files import C3DFile, emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket
from tests.ops.test_shell import grant
from tests.sender import Sender
from tests.webhooks.stored import dead, stored
from webhooks.admin import traffic
from webhooks.inbox import refusals
from webhooks.inbox.endpoints import end_overlap, rotate


def ago(**age: float) -> Any:
    return timezone.now() - timedelta(**age)


def forget() -> None:
    """What is kept for a few seconds. `cache.clear()` would empty all of Redis."""
    cache.delete_many(["home:traffic", "navigation:dead", "deliveries:events"])


def unmeasured() -> None:
    """Without what the tests before have counted and not flushed yet."""
    metrics.tally().flush()
    soft_redis.client().flushdb()


def seen_by(user: Any) -> Home:
    forget()
    request = RequestFactory().get("/admin/")
    request.user = user
    return home(request)


def panel(user: Any, place: str) -> Any:
    """What the one panel at this place shows."""
    (found,) = getattr(seen_by(user), place)
    return found.content


def sentences(user: Any) -> list[str]:
    return [need.sentence for need in seen_by(user).needs]


def figures(user: Any) -> dict[str, tuple[str, str]]:
    return {figure.name: (figure.value, figure.note) for figure in seen_by(user).figures}


def test_it_shows_three_ways_in_while_nothing_has_come(staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    html = client.get("/admin/").content.decode()
    assert "Nothing has come in yet" in html
    assert "manage.py up --demo" in html
    assert "/webhooks/omi/TOKEN/" in html
    assert "/admin/webhooks/endpoint/add/" in html


def test_it_counts_a_day_of_deliveries(omi: Sender, staff: Any) -> None:
    for minutes in (1, 40, 41, 23 * 60):
        stored(omi.endpoint, at=ago(minutes=minutes))
    stored(omi.endpoint, at=ago(hours=25))
    assert figures(staff)["Accepted, last 24 h"][0] == "4"
    day = panel(staff, "below")
    assert (day.totals[-1], day.totals[-2]) == (1, 2)
    assert panel(staff, "beside")[0]["count"] == 4


def test_it_marks_the_half_hours_with_failures(omi: Sender) -> None:
    dead(omi.endpoint, at=ago(minutes=40))
    stored(omi.endpoint, at=ago(minutes=2), state="pending", attempts=2, last_error="Away.")
    stored(omi.endpoint, at=ago(minutes=3))
    day = traffic._last_day()
    assert (day.failed[-1], day.failed[-2], sum(day.failed)) == (1, 1, 2)
    assert day.totals[-1] == 2


def test_it_shows_a_dash_for_what_was_not_measured(omi: Sender, staff: Any) -> None:
    unmeasured()
    stored(omi.endpoint)
    found = figures(staff)
    assert found["Answer time p95"] == ("\N{EN DASH}", "no answers measured yet")
    assert found["Oldest unfinished"] == ("\N{EN DASH}", "nothing is due")
    assert found["Memories this week"][0] == "0"


def test_it_measures_the_answers(omi: Sender, staff: Any) -> None:
    unmeasured()
    stored(omi.endpoint)
    for took_ms in [2.2] * 96 + [40.0] * 4:
        metrics.acknowledged("omi", took_ms)
    for _ in range(25):
        metrics.refused("omi", 401)
    metrics.tally().flush()
    found = figures(staff)
    assert found["Answer time p95"] == ("≤ 3", "p50 ≤ 3 ms · p99 ≤ 50 ms")
    assert found["Accepted, last 24 h"][1] == "80.00 % answered 2xx"


def test_it_says_what_waits_and_for_how_long(omi: Sender, staff: Any) -> None:
    stored(omi.endpoint, at=ago(minutes=5), state="pending", attempts=0, finished_at=None)
    value, note = figures(staff)["Oldest unfinished"]
    assert (value, note) == ("5", "due now: inbox 1")


def test_it_groups_the_dead_by_their_cause(omi: Sender, staff: Any) -> None:
    for _ in range(3):
        dead(omi.endpoint, last_error="The model is away.")
    alone = dead(omi.endpoint, last_error="date: Input should be a valid string")
    found = [need for need in seen_by(staff).needs if need.tone == "bad"]
    assert {need.sentence for need in found} == {"3 deliveries are dead", "1 delivery is dead"}
    by_sentence = {need.sentence: need for need in found}
    assert str(alone.pk) in by_sentence["1 delivery is dead"].link
    assert "state=dead" in by_sentence["3 deliveries are dead"].link
    assert "The model is away" in by_sentence["3 deliveries are dead"].reason


def test_it_tells_an_old_secret_in_use_from_a_forgotten_one(omi: Sender, staff: Any) -> None:
    endpoint = omi.endpoint
    for secret in ("whsec_one", "whsec_two"):
        rotate(endpoint, secret=secret)
    assert sentences(staff) == ["Endpoint “Nadia's Omi” still accepts its old secret"]
    stored(endpoint, signature="previous secret")
    assert sentences(staff) == ["Endpoint “Nadia's Omi” still uses its old secret"]
    end_overlap(endpoint)
    assert sentences(staff) == []


def test_it_warns_before_a_sender_gives_up(omi: Sender, staff: Any) -> None:
    stored(omi.endpoint, at=ago(hours=1))
    refused = Refused(401, "wrong_signature", "Refused: the old secret was used.")
    for count, tone in ((19, None), (20, "warn"), (60, "bad")):
        while refusals.running_failures(omi.endpoint.pk, since=ago(hours=1)) < count:
            refusals.note(omi.endpoint.pk, refused, None)
        found = seen_by(staff).needs
        assert [need.tone for need in found] == ([tone] if tone else [])
    assert found[0].sentence == "“Nadia's Omi” was refused 60 times in a row"
    assert "100 failures in a row" in found[0].reason


def test_it_tells_of_refusals_before_anything_was_accepted(omi: Sender, staff: Any) -> None:
    for _ in range(30):
        refusals.note(omi.endpoint.pk, Refused(401, "wrong_signature", "Refused."), None)
    client = Client()
    client.force_login(staff)
    html = client.get("/admin/").content.decode()
    assert "Nothing has come in yet" in html
    assert "was refused 30 times in a row" in html


def test_it_notices_an_endpoint_gone_quiet(omi: Sender, staff: Any) -> None:
    for hours in (74, 73, 72):
        stored(omi.endpoint, at=ago(hours=hours))
    assert sentences(staff) == ["“Nadia's Omi” has gone quiet"]
    stored(omi.endpoint, at=ago(hours=72 + 60))
    assert sentences(staff) == []


def test_it_counts_questions_without_an_answer(owner: Any, staff: Any) -> None:
    Question.objects.create(
        owner=owner,
        uid="u",
        trigger_key="k",
        text="What did Sarah say?",
        asked_at=timezone.now(),
        closes_at=timezone.now(),
        delivery_id="01980000-0000-7000-8000-000000000000",
        state="dead",
        last_error="The model is away.",
    )
    found = list(unanswered())
    assert [need.sentence for need in found] == ["1 spoken question could not be answered"]
    assert "Sarah" not in str(found)


def test_it_tells_of_recordings_that_nobody_can_use(bucket: Bucket, staff: Any) -> None:
    bucket.put(b"no recording", "P001/P001S001/broken.c3d")
    bucket.tell({"bucket": BUCKET, "object_path": "P001/P001S001/broken.c3d"})
    flat = C3DFile(np.zeros((1, 4000), np.float32), labels=["CH1 Raw"])
    bucket.put(flat, "P002/P002S001/flat.c3d")
    bucket.tell({"bucket": BUCKET, "object_path": "P002/P002S001/flat.c3d"})
    bucket.put(emg_file(), "P003/P003S001/good.c3d")
    bucket.tell({"bucket": BUCKET, "object_path": "P003/P003S001/good.c3d"})
    work("inbox", "emg")
    failed, unusable = seen_by(staff).needs
    assert failed.sentence == "1 recording could not be analysed"
    assert failed.reason == "The file is not a C3D file"
    assert unusable.sentence == "1 recording with a channel that cannot be scored"
    assert "flat" in unusable.reason
    for need in (failed, unusable):
        client = Client()
        client.force_login(staff)
        assert client.get(need.link).status_code == 200
    assert "P001" not in str([failed, unusable])


def test_it_finds_a_recording_without_telling_whose(
    bucket: Bucket, staff: Any, owner: Any, rf: RequestFactory
) -> None:
    bucket.put(emg_file())
    bucket.tell({"bucket": BUCKET, "object_path": PATH})
    request = rf.get("/admin/search/")
    request.user = staff
    (found,) = navigation.find(request, "p039")
    assert found.icon == "monitor_heart"
    assert "P039" not in found.title + found.description
    grant(owner, "webhooks.view_delivery")
    request.user = owner
    assert navigation.find(request, "p039") == []


def test_it_says_so_when_nothing_waits(omi: Sender, staff: Any) -> None:
    stored(omi.endpoint)
    client = Client()
    client.force_login(staff)
    assert "Nothing waits for a person." in client.get("/admin/").content.decode()


def test_it_counts_the_memories_of_a_week(omi: Sender, owner: Any, staff: Any) -> None:
    stored(omi.endpoint)
    for number, days in enumerate((0, 2, 6, 8)):
        Memory.objects.create(
            owner=owner,
            kind="note",
            source="api",
            title=f"Memory {number}",
            occurred_at=ago(days=days),
            content_hash=str(number),
        )
    assert figures(staff)["Memories this week"] == ("3", "1 memory today")


def test_it_shows_staff_only_what_they_may_see(omi: Sender, django_user_model: Any) -> None:
    dead(omi.endpoint)
    person = django_user_model.objects.create_user("h@example.org", "a long passphrase")
    html = grant(person, "memories.view_memory").get("/admin/").content.decode()
    assert "Memories this week" in html
    assert "Nadia" not in html
    assert "dead" not in html


@pytest.mark.parametrize("page", ["/admin/", "/admin/webhooks/delivery/"])
def test_its_queries_do_not_grow_with_the_deliveries(omi: Sender, staff: Any, page: str) -> None:
    client = Client()
    client.force_login(staff)
    counts = []
    for _ in range(2):
        for _ in range(6):
            dead(omi.endpoint)
        forget()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
