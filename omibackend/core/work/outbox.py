"""What is said to people outside: at most once for each cause, with a distance between two to the
same recipient, and not at all once it is too late.

A text that may have gone out is never sent again by itself: the worker that dies between the
gateway's yes and our commit leaves "nobody knows". Only a gateway that can tell what became of it
(`resolve`) clears that up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from omibackend.core.errors import OmiError, SetAside
from omibackend.core.postgres import clock
from omibackend.core.postgres.locks import Lock, lock
from omibackend.core.work.effects import Effect
from omibackend.core.work.leased import Leased, Reschedule, State
from omibackend.core.work.registry import WorkType


class SendState(models.TextChoices):
    WAITING = "", "waiting"
    SENDING = "sending", "being sent"
    SENT = "sent", "sent"
    REFUSED = "refused", "refused"
    TOO_LATE = "too_late", "too late"
    UNKNOWN = "unknown", "nobody knows"


class NotSent(OmiError):
    """It certainly did not go out, and may be tried again."""


class MaybeSent(OmiError):
    """The gateway's answer never came, or says nothing."""


class Outgoing(Leased):
    """One message to one recipient, for one cause."""

    cause = models.CharField(max_length=200, unique=True)
    recipient = models.CharField(max_length=200)
    # Afterwards nobody wants it any more.
    send_before = models.DateTimeField()
    send_state = models.CharField(
        max_length=8, choices=SendState.choices, blank=True, default=SendState.WAITING
    )
    sent_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @classmethod
    def recipient_index(cls, name: str) -> models.Index:
        return models.Index(fields=["recipient", "-sent_at"], name=name)


M = TypeVar("M", bound=Outgoing)


@dataclass(frozen=True)
class Outbox(Generic[M]):
    """How the messages of one model go out.

    `send` raises NotSent, MaybeSent, or SetAside where the gateway refuses for good. `settled`
    runs in the transaction that marks the row done. `resolve` asks the gateway about a message
    whose outcome nobody knows: True if it went out, False if it did not, None if it cannot tell.
    """

    model: type[M]
    send: Callable[[M], None]
    settled: Callable[[M, SendState], Sequence[Effect]]
    spacing: timedelta
    resolve: Callable[[M], bool | None] = lambda _: None

    def plan(
        self, *, cause: str, recipient: str, send_before: datetime, **fields: Any
    ) -> tuple[M, bool]:
        """Gives it the recipient's next free moment, in the caller's transaction, and says whether
        it is new: a cause has one message."""
        lock((Lock.RECIPIENT, recipient))
        taken = self._to(recipient).aggregate(
            sent=Max("sent_at"), planned=Max("next_attempt_at", filter=Q(state=State.PENDING))
        )
        moments = [at + self.spacing for at in taken.values() if at is not None]
        at = max([clock.now(), *moments])
        values = {"recipient": recipient, "send_before": send_before, "next_attempt_at": at}
        return self.model._default_manager.get_or_create(cause=cause, defaults={**values, **fields})

    def work_type(self, *, lane: str, lease_s: int) -> WorkType:
        return WorkType(
            model=self.model, lane=lane, lease_s=lease_s, prepare=self.go_out, apply=self.settle
        )

    def go_out(self, message: M) -> SendState:
        """Sends it, if it never was and its time has come."""
        if message.send_state in (SendState.SENDING, SendState.UNKNOWN):
            return self._resolved(message)
        if message.send_state != SendState.WAITING:
            return SendState(message.send_state)
        if clock.now() > message.send_before:
            return SendState.TOO_LATE
        self._begin(message)
        try:
            self.send(message)
        except MaybeSent:
            return self._resolved(message)
        except SetAside:
            self._mark(message, SendState.REFUSED)
            self.settled(message, SendState.REFUSED)
            raise
        except NotSent:
            self._mark(message, SendState.WAITING)
            raise
        return SendState.SENT

    def settle(self, message: M, send_state: SendState) -> Sequence[Effect]:
        self.model._default_manager.filter(pk=message.pk).update(send_state=send_state)
        return self.settled(message, send_state)

    def _begin(self, message: M) -> None:
        with transaction.atomic():
            lock((Lock.RECIPIENT, message.recipient))
            others = self._to(message.recipient).exclude(pk=message.pk)
            last: datetime | None = others.aggregate(at=Max("sent_at"))["at"]
            if last and last + self.spacing > clock.now():
                raise Reschedule(last + self.spacing)
            self._mark(message, SendState.SENDING)

    def _resolved(self, message: M) -> SendState:
        went_out = self.resolve(message)
        if went_out is None:
            return SendState.UNKNOWN
        if went_out:
            return SendState.SENT
        self._mark(message, SendState.WAITING)
        raise NotSent("The gateway says that it did not go out.")

    def _mark(self, message: M, send_state: SendState) -> None:
        sent_at = Now() if send_state == SendState.SENDING else None
        message.update_held(send_state=send_state, sent_at=sent_at)

    def _to(self, recipient: str) -> "models.QuerySet[M]":
        return self.model._default_manager.filter(recipient=recipient)
