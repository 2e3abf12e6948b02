"""What every outbox must hold, whatever it sends: its heirs run these tests on their own model."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from omibackend.core.errors import SetAside
from omibackend.core.work import draining, leased
from omibackend.core.work.leased import State
from omibackend.core.work.outbox import MaybeSent, NotSent, Outbox, Outgoing, SendState


class Wire:
    """A gateway at the end of the wire: what it was asked to send, and how it answers."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.error: Exception | None = None
        self.knows: bool | None = None

    def send(self, message: Outgoing) -> None:
        self.sent.append(message.pk)
        if self.error:
            raise self.error

    def resolve(self, message: Outgoing) -> bool | None:
        return self.knows


class OutboxContract:
    """A subclass gives `outbox`, of its own model, and `fields`: what a message needs besides."""

    @pytest.fixture
    def wire(self) -> Wire:
        return Wire()

    def outbox(self, wire: Wire) -> Outbox[Any]:
        raise NotImplementedError

    @pytest.fixture
    def fields(self) -> Callable[[], dict[str, Any]]:
        raise NotImplementedError

    def plan(self, box: Outbox[Any], fields: Callable[[], dict[str, Any]], **more: Any) -> Any:
        values = {
            "cause": "because",
            "recipient": "somebody",
            "send_before": timezone.now() + timedelta(minutes=10),
            **fields(),
            **more,
        }
        with transaction.atomic():
            return box.plan(**values)

    def work(self, box: Outbox[Any]) -> None:
        box.model._default_manager.filter(state=State.PENDING).update(
            next_attempt_at=timezone.now()
        )
        draining.work_due(box.work_type(lane="test", lease_s=60), until=float("inf"))

    def states(self, box: Outbox[Any]) -> list[tuple[str, str]]:
        return list(box.model._default_manager.order_by("pk").values_list("state", "send_state"))

    def test_it_sends_once(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        self.work(box)
        self.work(box)
        assert len(wire.sent) == 1
        assert self.states(box) == [(State.DONE, SendState.SENT)]

    def test_it_plans_one_message_for_a_cause(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        first, made = self.plan(box, fields)
        again, made_again = self.plan(box, fields)
        assert (first.pk, made, made_again) == (again.pk, True, False)

    def test_it_keeps_a_distance_between_two_to_one(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        second, _ = self.plan(box, fields, cause="another")
        assert second.next_attempt_at >= timezone.now() + box.spacing / 2
        self.work(box)
        assert len(wire.sent) == 1
        second.refresh_from_db()
        assert (second.state, second.attempts) == (State.PENDING, 0)

    def test_it_does_not_send_what_is_too_late(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields, send_before=timezone.now())
        self.work(box)
        assert wire.sent == []
        assert self.states(box) == [(State.DONE, SendState.TOO_LATE)]

    def test_it_tries_again_what_was_not_sent(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        wire.error = NotSent("no route")
        self.work(box)
        assert self.states(box) == [(State.PENDING, SendState.WAITING)]
        wire.error = None
        self.work(box)
        assert self.states(box) == [(State.DONE, SendState.SENT)]

    def test_it_never_sends_again_what_may_have_gone_out(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        wire.error = MaybeSent("broke off")
        self.work(box)
        assert self.states(box) == [(State.DONE, SendState.UNKNOWN)]
        wire.error = None
        leased.replay(box.model._default_manager.all())
        self.work(box)
        assert len(wire.sent) == 1

    @pytest.mark.parametrize(
        ("knows", "sent", "state"),
        [(True, 1, SendState.SENT), (False, 2, SendState.SENT)],
    )
    def test_it_asks_a_gateway_that_can_tell(
        self, wire: Wire, fields: Any, knows: bool, sent: int, state: str
    ) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        wire.error, wire.knows = MaybeSent("broke off"), knows
        self.work(box)
        wire.error = None
        self.work(box)
        assert (len(wire.sent), self.states(box)) == (sent, [(State.DONE, state)])

    def test_it_sets_aside_what_is_refused(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        wire.error = SetAside("wrong key")
        self.work(box)
        assert self.states(box) == [(State.DEAD, SendState.REFUSED)]

    def test_it_sends_nothing_after_a_worker_died_sending(self, wire: Wire, fields: Any) -> None:
        box = self.outbox(wire)
        self.plan(box, fields)
        box.model._default_manager.update(
            state=State.LEASED, attempts=1, send_state=SendState.SENDING
        )
        box.model._default_manager.update(next_attempt_at=timezone.now())
        self.work(box)
        assert wire.sent == []
        assert self.states(box) == [(State.DONE, SendState.UNKNOWN)]
