"""What this app brings along."""

from django.conf import settings

from conversations.models import (
    ContextState,
    ContextWindow,
    Conversation,
    DeletedSession,
    DeletedWords,
    Listening,
    Message,
    Notification,
    OmiSession,
    Question,
    TranscriptSegment,
    TranscriptWords,
)
from conversations.transcripts import cache
from conversations.transcripts.session_sql import Stream
from omibackend.core.manifest import (
    Daily,
    EffectKind,
    Entry,
    Finder,
    Lane,
    Manifest,
    Rule,
    Scheduled,
    Stat,
)
from omibackend.core.personal_data import PersonalData, Table, rows_of

TALKS = "FROM conversations_conversation WHERE owner_id = %(owner)s"
MESSAGES = """
    FROM conversations_conversation c JOIN conversations_message m ON m.conversation_id = c.id
    WHERE c.owner_id = %(owner)s"""
SESSIONS = "FROM conversations_omisession WHERE owner_id = %(owner)s"


def uids(user_id: int) -> set[str]:
    found: set[str] = set()
    for heard in (OmiSession, Question, Listening):
        rows = rows_of(heard)(user_id).order_by()
        found.update(rows.values_list("uid", flat=True).distinct())
    return found


def forget(user_id: int) -> None:
    """The remembered lists of the person's newest sessions."""
    mine = OmiSession.objects.filter(owner_id=user_id).order_by()
    places = mine.values_list("owner_id", "uid", "sender_session_id").distinct()
    cache.forget([Stream(*place) for place in places])


PERSONAL_DATA = PersonalData(
    "conversations",
    tables=(
        Table("notifications", rows_of(Notification)),
        Table("listening", rows_of(Listening)),
        Table("deleted_words", rows_of(DeletedWords)),
        Table("deleted_sessions", rows_of(DeletedSession)),
        Table("windows", rows_of(ContextWindow, "state__owner"), "state_id slot conversation_id"),
        Table("contexts", rows_of(ContextState), "id key space active_slot cleared_at updated_at"),
        Table(
            "messages",
            rows_of(Message, "conversation__owner"),
            "id conversation_id role text occurred_at sources question_id delivery_id",
        ),
        Table(
            "conversations",
            rows_of(Conversation),
            "id kind key session_id title started_at last_message_at",
        ),
        Table(
            "questions",
            rows_of(Question),
            "id uid session_id text quote voice asked_at answer sources channel why answered_at"
            " delivery_id",
        ),
        Table(
            "segments",
            rows_of(TranscriptSegment, "session__owner"),
            "id session_id text speaker speaker_name is_user person_id start_s end_s final"
            " received_at delivery_id",
        ),
        Table("transcript_words", rows_of(TranscriptWords, "session__owner")),
        Table(
            "sessions",
            rows_of(OmiSession),
            "id uid sender_session_id omi_conversation_id title language started_at"
            " first_received_at last_received_at segment_count finalised_at",
        ),
    ),
    uids=uids,
    forget=forget,
)

manifest = Manifest(
    needs=(Finder("conversations.view_omisession", "conversations.pages.needs.unanswered"),),
    sidebar=(Entry(20, "Sessions", "mic", "conversations.omisession", "Voice"),),
    retention=(
        Rule(
            "transcripts",
            lambda before: OmiSession.objects.filter(last_received_at__lt=before),
            days=lambda: settings.RETENTION_TRANSCRIPTS_DAYS,
        ),
    ),
    effects=(
        EffectKind("session", "conversations.OmiSession", "mic", "title"),
        EffectKind("question", "conversations.Question", "contact_support", "text"),
        EffectKind("message", "conversations.Message", "chat", "text"),
        EffectKind("conversation", "conversations.Conversation", "forum", "title"),
    ),
    lanes=(Lane("ai", "whatever asks a language model", one_in=4, most=2),),
    schedule=(
        Scheduled(
            "conversations.transcripts.search.settle_silent", timeout_s=60, interval_s=60, ttl_s=60
        ),
    ),
    stats=(
        Stat("conversations", TALKS, last=(f"SELECT max(last_message_at) {TALKS}",)),
        Stat(
            "messages",
            MESSAGES,
            daily=(Daily(f"{MESSAGES} AND c.last_message_at >= %(first)s", "m.occurred_at"),),
        ),
        Stat(
            "sessions",
            SESSIONS,
            "conversations as a wearable heard them",
            daily=(Daily(SESSIONS, "last_received_at"),),
        ),
    ),
    personal_data=(PERSONAL_DATA,),
)
