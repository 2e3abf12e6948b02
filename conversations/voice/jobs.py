"""The background work of spoken questions: answering what was not answered in time, writing the
record, and sending late answers to the phone."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q
from django.db.models.functions import Now

from conversations.assistant import answering, turns
from conversations.models import Notification, Question, ReplyChannel, SendState
from conversations.voice import actions, inline, omi_api, questions
from conversations.voice.intents import Command
from omibackend.core.errors import OmiError, SetAside
from omibackend.core.postgres import clock
from omibackend.core.work.leased import Became, LostLease, NotDue, State, WorkType, WorkTypes

ANSWER_LEASE_MARGIN_S = 30
SEND_LEASE_S = 60
TOO_LATE_AFTER = timedelta(minutes=10)
TOO_LATE, NO_APP, REFUSED = "too late", "no OMI_APP_ID", "refused by Omi"
# Omi takes one notification per person and app in this time.
SPACING = timedelta(seconds=30)


class TooSoon(OmiError):
    """Another notification went to this person just now."""


Made = answering.Reply | Command | None


def prepare_answer(question: Question) -> Made:
    if not question.closed:
        question = _closed(question)
    if question.answer or question.channel == ReplyChannel.KEPT:
        return None
    command = actions.command_in(question)
    return command or answering.ask(question, timeout_s=settings.OPENAI_TIMEOUT_MS / 1000)


def _closed(question: Question) -> Question:
    closed = questions.close_due(question.pk)
    if closed is None:
        raise LostLease("The question was deleted.")
    if not closed.closed:  # more was said meanwhile
        raise NotDue(closed.closes_at)
    if closed.state != State.LEASED or closed.lease_token != question.lease_token:
        raise LostLease("Nothing is left to answer.")
    return closed


def apply_answer(claimed: Question, made: Made) -> Became:
    if isinstance(made, Command):
        actions.before_carrying_out(claimed, made)
    # Locked: who stores its words either finds the answer or has linked it to its session.
    question = Question.objects.select_for_update().filter(pk=claimed.pk).first()
    if question is None:
        raise LostLease("The question was deleted.")
    if made is not None:
        fields = _answer(question, made)
        for name, value in fields.items():
            setattr(question, name, value)
        question.channel, question.why = _channel(question)
        question.save(update_fields=[*fields, "channel", "why"])
        question.refresh_from_db(fields=["answered_at"])
    if not question.answer:
        return []
    became = turns.record(question)
    if made is not None and question.channel == ReplyChannel.NOTIFICATION:
        became += _notification(question)
    return became


def _answer(question: Question, made: answering.Reply | Command) -> dict[str, object]:
    if isinstance(made, answering.Reply):
        return inline.answer_fields(made)
    return inline.command_fields(actions.carry_out(question, made))


def _channel(question: Question) -> tuple[ReplyChannel, str]:
    """How a late answer reaches the person, and if it does not, why."""
    why = question.why if question.why in questions.REASONS_TO_KEEP else ""
    if not why and clock.now() - question.asked_at > TOO_LATE_AFTER:
        why = TOO_LATE
    if not why and not omi_api.is_configured():
        why = NO_APP
    return (ReplyChannel.KEPT, why) if why else (ReplyChannel.NOTIFICATION, question.why)


def _notification(question: Question) -> Became:
    """Gives it the next free moment of its person."""
    _take_turns(question.owner_id, question.uid)
    others = Notification.objects.filter(owner_id=question.owner_id, uid=question.uid)
    taken = others.aggregate(
        sent=Max("sent_at"), planned=Max("next_attempt_at", filter=Q(state=State.PENDING))
    )
    moments = [at + SPACING for at in taken.values() if at is not None]
    notification, created = Notification.objects.get_or_create(
        question=question,
        defaults={
            "owner_id": question.owner_id,
            "uid": question.uid,
            "text": actions.framed(question, question.answer),
            "next_attempt_at": max([clock.now(), *moments]),
        },
    )
    how = "created" if created else "unchanged"
    return [{"kind": "notification", "id": str(notification.pk), "how": how}]


def _take_turns(owner_id: int, uid: str) -> None:
    """Until the transaction ends nobody else plans or begins a notification to this person."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"notify:{owner_id}:{uid}"]
        )


def prepare_sending(notification: Notification) -> SendState:
    """Sends it, at most once: what may have reached the person is never sent again."""
    if notification.send_state == SendState.SENDING:
        return SendState.UNKNOWN
    if notification.send_state != SendState.WAITING:
        return SendState(notification.send_state)
    question = notification.question
    if clock.now() - question.asked_at > TOO_LATE_AFTER:
        return SendState.WAITING
    _begin_sending(notification)
    try:
        omi_api.notify(notification.uid, notification.text)
    except omi_api.MaybeSent:
        return SendState.UNKNOWN
    except SetAside:
        _mark(notification, SendState.REFUSED)
        _keep(question, REFUSED)
        raise
    except omi_api.NotSent:
        _mark(notification, SendState.WAITING)
        raise
    return SendState.SENT


def _begin_sending(notification: Notification) -> None:
    with transaction.atomic():
        _take_turns(notification.owner_id, notification.uid)
        lately = Notification.objects.filter(
            Q(sent_at__gt=Now() - SPACING),
            owner_id=notification.owner_id,
            uid=notification.uid,
        )
        if lately.exclude(pk=notification.pk).exists():
            raise TooSoon("Another notification went to this person less than 30 s ago.")
        _mark(notification, SendState.SENDING)


def _mark(notification: Notification, send_state: SendState) -> None:
    held = Notification.objects.filter(
        pk=notification.pk, lease_token=notification.lease_token, state=State.LEASED
    )
    sent_at = Now() if send_state == SendState.SENDING else None
    if not held.update(send_state=send_state, sent_at=sent_at):
        raise LostLease("Another worker holds the notification.")


def apply_sending(notification: Notification, send_state: SendState) -> Became:
    Notification.objects.filter(pk=notification.pk).update(send_state=send_state)
    question = notification.question
    if send_state == SendState.SENT:
        inline.mark_spoken(question)
    elif send_state == SendState.WAITING:
        _keep(question, TOO_LATE)
    return [{"kind": "question", "id": str(question.pk), "how": send_state.label}]


def _keep(question: Question, why: str) -> None:
    Question.objects.filter(pk=question.pk).update(channel=ReplyChannel.KEPT, why=why)


def register() -> None:
    answer_lease_s = settings.OPENAI_TIMEOUT_MS // 1000 + ANSWER_LEASE_MARGIN_S
    WorkTypes.register(
        WorkType(
            model=Question,
            lane="ai",
            lease_s=answer_lease_s,
            apply=apply_answer,
            prepare=prepare_answer,
        )
    )
    WorkTypes.register(
        WorkType(
            model=Notification,
            lane="ai",
            lease_s=SEND_LEASE_S,
            apply=apply_sending,
            prepare=prepare_sending,
        )
    )
