"""A session's page in the admin, and the same as plain text."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from conversations.models import OmiSession
from conversations.pages.transcript import (
    AnsweredQuestion,
    Row,
    SpokenRow,
    facts_of,
    transcript_of,
)
from omibackend.core.admin.links import admin_link
from omibackend.core.show.human import length, minutes

# A day of talk has some thousand rows; the rest is in the plain text.
MOST_ROWS = 3000


def page(session: OmiSession, user: Any) -> dict[str, Any]:
    rows = transcript_of(session)
    gap = timedelta(seconds=settings.SESSION_GAP_SECONDS)
    sees_deliveries = user.has_perm("webhooks.view_delivery")
    return {
        "session": session,
        "rows": rows[:MOST_ROWS],
        "more": max(len(rows) - MOST_ROWS, 0),
        "facts": facts_of(session),
        "questions": [row.question for row in rows if isinstance(row, AnsweredQuestion)],
        "live": not session.is_final and timezone.now() - session.last_received_at < gap,
        "uid": shortened(session.uid),
        "budget_ms": settings.OMI_REPLY_BUDGET_MS,
        "delivery_link": _newest_delivery(session) if sees_deliveries else "",
    }


def shortened(uid: str) -> str:
    return uid if len(uid) <= 12 else f"{uid[:6]}…{uid[-3:]}"


def _newest_delivery(session: OmiSession) -> str:
    newest = session.segments.order_by("-received_at", "-id").first()
    return admin_link("webhooks_delivery_change", newest.delivery_id) if newest else ""


def plain_text(session: OmiSession) -> str:
    return "".join(f"{line(row)}\n" for row in transcript_of(session))


def line(row: Row) -> str:
    if isinstance(row, SpokenRow):
        at = "" if row.start_s is None else f"[{minutes(row.start_s)}] "
        return f"{at}{row.speaker}: {row.text}"
    if isinstance(row, AnsweredQuestion):
        return f"    Omi: {row.question.answer or 'no answer'}"
    return f"    ({length(row.length_s)} of silence)"
