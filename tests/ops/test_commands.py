import json
import os
import secrets
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from pytest_django import Settings

from memories.models import Memory
from omibackend.core.postgres.ids import first_uuid7
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.sender import Sender
from webhooks.models import Delivery, Endpoint

MEMORY = payload("omi/memory_created__full")


def run(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command(*args, stdout=out, stderr=out, **options)
    return out.getvalue()


class TestCreateEndpoint:
    def test_it_prints_one_line_of_json(self, owner: Any, client: Any) -> None:
        made = json.loads(run("create_endpoint", "omi", "--owner", owner.email, "--json"))
        assert set(made) == {"id", "provider", "url", "token", "secret"}
        assert made["secret"] is None
        path = made["url"].split("8000", 1)[-1]
        response = client.post(f"{path}?uid=u", b'{"segments":[]}', content_type="application/json")
        assert response.status_code == 200

    def test_it_makes_a_signed_one(self, owner: Any) -> None:
        made = json.loads(
            run("create_endpoint", "omi", "--owner", owner.email, "--signed", "--json")
        )
        endpoint = Endpoint.objects.get(pk=made["id"])
        assert (endpoint.secret, endpoint.policy) == (made["secret"], "both")
        assert made["secret"].startswith("whsec_")

    def test_it_keeps_only_the_tokens_hash(self, owner: Any) -> None:
        made = json.loads(run("create_endpoint", "omi", "--owner", owner.email, "--json"))
        endpoint = Endpoint.objects.get()
        assert made["token"] not in (endpoint.token_hash, endpoint.name)
        assert endpoint.token_hint == made["token"][-4:]

    @pytest.mark.django_db
    def test_it_names_who_is_missing(self) -> None:
        with pytest.raises(CommandError, match="nobody"):
            run("create_endpoint", "omi", "--owner", "nobody@example.org")
        with pytest.raises(CommandError, match="superuser"):
            run("create_endpoint", "omi")


class TestReplay:
    @pytest.fixture(autouse=True)
    def _done(self, omi: Sender) -> None:
        omi.post(MEMORY)
        omi.post({"segments": [7]})
        work("inbox")

    def states(self) -> list[str]:
        return list(Delivery.objects.order_by("pk").values_list("state", flat=True))

    def test_it_wants_to_know_which(self) -> None:
        with pytest.raises(CommandError, match="--all"):
            run("replay_deliveries")

    def test_it_only_counts_when_asked_to(self) -> None:
        assert "1 deliveries would be" in run("replay_deliveries", "--state", "dead", "--dry-run")
        assert self.states() == [State.DONE, State.DEAD]

    def test_it_replays_one(self) -> None:
        first = Delivery.objects.order_by("pk")[0]
        run("replay_deliveries", str(first.pk))
        assert self.states() == [State.PENDING, State.DEAD]

    def test_it_replays_what_matches_and_doubles_nothing(self) -> None:
        assert "2 deliveries replayed" in run("replay_deliveries", "--since", "1h")
        work("inbox")
        assert self.states() == [State.DONE, State.DEAD]
        assert Memory.objects.count() == 1

    def test_it_leaves_what_is_older(self) -> None:
        assert "0 deliveries replayed" in run("replay_deliveries", "--until", "1h")

    def test_it_refuses_what_is_no_time_and_no_id(self) -> None:
        with pytest.raises(CommandError, match="ISO time"):
            run("replay_deliveries", "--since", "yesterday")
        with pytest.raises(CommandError, match="UUID"):
            run("replay_deliveries", "7")


class TestPrune:
    @pytest.fixture(autouse=True)
    def _old(self, omi: Sender) -> None:
        omi.post(MEMORY)
        omi.post({"segments": [7]})
        work("inbox")
        for delivery in omi.deliveries():
            then = first_uuid7(delivery.received_at - timedelta(days=100))
            Delivery.objects.filter(pk=delivery.pk).update(
                id=UUID(int=then.int + secrets.randbits(60)),
                received_at=Now() - timedelta(days=100),
            )
        omi.post(payload("omi/realtime_transcript__asked"))

    def test_it_counts_first(self) -> None:
        said = run("prune", "--dry-run")
        assert "1 raw bodies would be removed" in said
        assert "1 dead letters would be removed" in said
        assert Delivery.objects.count() == 3

    def test_it_removes_bodies_and_keeps_what_they_became(self) -> None:
        run("prune")
        old = Delivery.objects.get(state=State.DONE)
        assert (old.body, old.headers, old.remote_addr) == (None, {}, None)
        assert old.effects
        assert len(bytes(old.body_sha256)) == 32
        assert Memory.objects.count() == 1
        assert not Delivery.objects.filter(state=State.DEAD).exists()

    def test_it_leaves_what_waits(self) -> None:
        run("prune")
        assert Delivery.objects.get(state=State.PENDING).body

    def test_it_keeps_for_ever_with_0(self, settings: Settings) -> None:
        settings.RETENTION_RAW_BODIES_DAYS = 0
        settings.RETENTION_DEAD_LETTERS_DAYS = 0
        run("prune")
        assert Delivery.objects.filter(body__isnull=False).count() == 3

    def test_it_removes_old_logs(self, settings: Settings, tmp_path: Any) -> None:
        settings.LOG_DIR = tmp_path
        for name in ("omibackend.log", "omibackend.log.1"):
            (tmp_path / name).touch()
            os.utime(tmp_path / name, (0, 0))
        assert "1 log files removed" in run("prune")
        assert (tmp_path / "omibackend.log").exists()
