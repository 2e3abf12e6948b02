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
from omibackend.core.personal_data import PersonalData, Table

TALKS = "FROM conversations_conversation WHERE owner_id = %(owner)s"
MESSAGES = """
    FROM conversations_conversation c JOIN conversations_message m ON m.conversation_id = c.id
    WHERE c.owner_id = %(owner)s"""
SESSIONS = "FROM conversations_omisession WHERE owner_id = %(owner)s"


def uids(user_id: int) -> set[str]:
    heard = OmiSession.objects.filter(owner_id=user_id).order_by().values_list("uid")
    return {
        uid
        for rows in (
            heard,
            Question.objects.filter(owner_id=user_id).order_by().values_list("uid"),
            Listening.objects.filter(owner_id=user_id).values_list("uid"),
        )
        for (uid,) in rows.distinct()
    }


def forget(user_id: int) -> None:
    """The remembered lists of the person's newest sessions."""
    mine = OmiSession.objects.filter(owner_id=user_id).order_by()
    places = mine.values_list("owner_id", "uid", "sender_session_id").distinct()
    cache.forget([Stream(*place) for place in places])


PERSONAL_DATA = PersonalData(
    "conversations",
    tables=(
        Table("notifications", lambda user_id: Notification.objects.filter(owner_id=user_id)),
        Table("listening", lambda user_id: Listening.objects.filter(owner_id=user_id)),
        Table("deleted_words", lambda user_id: DeletedWords.objects.filter(owner_id=user_id)),
        Table("deleted_sessions", lambda user_id: DeletedSession.objects.filter(owner_id=user_id)),
        Table(
            "windows",
            lambda user_id: ContextWindow.objects.filter(state__owner_id=user_id),
            ("state_id", "slot", "conversation_id"),
        ),
        Table(
            "contexts",
            lambda user_id: ContextState.objects.filter(owner_id=user_id),
            ("id", "key", "space", "active_slot", "cleared_at", "updated_at"),
        ),
        Table(
            "messages",
            lambda user_id: Message.objects.filter(conversation__owner_id=user_id),
            (
                *("id", "conversation_id", "role", "text", "occurred_at", "sources"),
                *("question_id", "delivery_id"),
            ),
        ),
        Table(
            "conversations",
            lambda user_id: Conversation.objects.filter(owner_id=user_id),
            ("id", "kind", "key", "session_id", "title", "started_at", "last_message_at"),
        ),
        Table(
            "questions",
            lambda user_id: Question.objects.filter(owner_id=user_id),
            (
                *("id", "uid", "session_id", "text", "quote", "voice", "asked_at", "answer"),
                *("sources", "channel", "why", "answered_at", "delivery_id"),
            ),
        ),
        Table(
            "segments",
            lambda user_id: TranscriptSegment.objects.filter(session__owner_id=user_id),
            (
                *("id", "session_id", "text", "speaker", "speaker_name", "is_user"),
                *("person_id", "start_s", "end_s", "final", "received_at", "delivery_id"),
            ),
        ),
        Table(
            "transcript_words",
            lambda user_id: TranscriptWords.objects.filter(session__owner_id=user_id),
        ),
        Table(
            "sessions",
            lambda user_id: OmiSession.objects.filter(owner_id=user_id),
            (
                *("id", "uid", "sender_session_id", "omi_conversation_id", "title"),
                *("language", "started_at", "first_received_at", "last_received_at"),
                *("segment_count", "finalised_at"),
            ),
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
