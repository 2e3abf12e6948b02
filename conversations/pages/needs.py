"""What of conversations waits for a person."""

from collections.abc import Iterator

from django.urls import reverse

from conversations.models import Question
from omibackend.core.manifest import Need
from omibackend.core.show.human import several
from omibackend.core.work.leased import State

QUESTIONS_LOOKED_BACK = 500


def unanswered() -> Iterator[Need]:
    """Questions whose answer failed for good, without their words."""
    newest = Question.objects.order_by("-id").values("pk")[:QUESTIONS_LOOKED_BACK]
    rows = Question.objects.filter(pk__in=newest, state=State.DEAD).order_by("id")
    dead = list(rows.values_list("asked_at", "session_id", "last_error"))
    if not dead:
        return
    _, session_id, error = dead[-1]
    sessions = reverse("admin:conversations_omisession_changelist")
    yield Need(
        tone="warn",
        symbol="contact_support",
        sentence=f"{several(len(dead), 'spoken question')} could not be answered",
        reason=error or "No error was recorded.",
        since=dead[0][0],
        verb="Look",
        link=f"{sessions}{session_id}/change/" if session_id else sessions,
    )
