"""The background work of spoken questions: answering what was not answered in time, writing the
record, and sending late answers to the phone."""

from datetime import timedelta

from django.conf import settings

from conversations.assistant import answering, turns
from conversations.models import Notification, Question, ReplyChannel
from conversations.voice import actions, inline, omi_api, questions
from conversations.voice.intents import Command
from omibackend.core.postgres import clock
from omibackend.core.work import registry
from omibackend.core.work.effects import Change, Effect
from omibackend.core.work.leased import Gone, LostLease, Reschedule, State
from omibackend.core.work.outbox import Outbox, SendState
from omibackend.core.work.registry import WorkType

LANE = "ai"
ANSWER_LEASE_MARGIN_S = 30
SEND_LEASE_S = 60
TOO_LATE_AFTER = timedelta(minutes=10)
TOO_LATE, NO_APP, REFUSED = "too late", "no OMI_APP_ID", "refused by Omi"

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
        raise Gone("The question was deleted.")
    if not closed.closed:  # more was said meanwhile
        raise Reschedule(closed.closes_at)
    if closed.state != State.LEASED or closed.lease_token != question.lease_token:
        raise LostLease("Nothing is left to answer.")
    return closed


def apply_answer(claimed: Question, made: Made) -> list[Effect]:
    if isinstance(made, Command):
        actions.before_carrying_out(claimed, made)
    # Locked: who stores its words either finds the answer or has linked it to its session.
    question = Question.objects.select_for_update().filter(pk=claimed.pk).first()
    if question is None:
        raise Gone("The question was deleted.")
    if made is not None:
        fields = _answer(question, made)
        for name, value in fields.items():
            setattr(question, name, value)
        question.channel, question.why = _channel(question)
        question.save(update_fields=[*fields, "channel", "why"])
        question.refresh_from_db(fields=["answered_at"])
    if not question.answer:
        return []
    effects = turns.record(question)
    if made is not None and question.channel == ReplyChannel.NOTIFICATION:
        effects += _notification(question)
    return effects


def _answer(question: Question, made: answering.Reply | Command) -> dict[str, object]:
    if isinstance(made, answering.Reply):
        return inline.answer_fields(made)
    return inline.command_fields(actions.carry_out(question, made))


def _channel(question: Question) -> tuple[ReplyChannel, str]:
    """How a late answer reaches the person, and if it does not, why."""
    why = question.why if question.why in questions.REASONS_TO_KEEP else ""
    if not why and clock.now() > question.asked_at + TOO_LATE_AFTER:
        why = TOO_LATE
    if not why and not omi_api.is_configured():
        why = NO_APP
    return (ReplyChannel.KEPT, why) if why else (ReplyChannel.NOTIFICATION, question.why)


def _notification(question: Question) -> list[Effect]:
    notification, created = OUTBOX.plan(
        cause=str(question.pk),
        recipient=Notification.recipient_of(question.owner_id, question.uid),
        send_before=question.asked_at + TOO_LATE_AFTER,
        question=question,
        owner_id=question.owner_id,
        uid=question.uid,
        text=actions.framed(question, question.answer),
    )
    change = Change.CREATED if created else Change.UNCHANGED
    return [Effect.on("notification", notification.pk, change)]


def _send(notification: Notification) -> None:
    omi_api.notify(notification.uid, notification.text)


def _settled(notification: Notification, send_state: SendState) -> list[Effect]:
    question = notification.question
    if send_state == SendState.SENT:
        inline.mark_spoken(question)
    elif send_state in KEPT_BECAUSE:
        Question.objects.filter(pk=question.pk).update(
            channel=ReplyChannel.KEPT, why=KEPT_BECAUSE[send_state]
        )
    return [Effect.on("question", question.pk, CHANGES[send_state])]


KEPT_BECAUSE = {SendState.TOO_LATE: TOO_LATE, SendState.REFUSED: REFUSED}
CHANGES: dict[SendState, Change] = {
    SendState.SENT: Change.SENT,
    SendState.REFUSED: Change.REFUSED,
    SendState.TOO_LATE: Change.NOT_SENT,
    SendState.UNKNOWN: Change.MAYBE_SENT,
}
# Omi takes one notification per person and app in 30 s.
OUTBOX = Outbox(Notification, send=_send, settled=_settled, spacing=timedelta(seconds=30))


def register() -> None:
    lease_s = settings.OPENAI_TIMEOUT_MS // 1000 + ANSWER_LEASE_MARGIN_S
    registry.register(
        WorkType(
            model=Question, lane=LANE, lease_s=lease_s, apply=apply_answer, prepare=prepare_answer
        ),
        OUTBOX.work_type(lane=LANE, lease_s=SEND_LEASE_S),
    )
