"""The shapes of Omi's webhooks, tamed: what is missing, renamed or odd becomes one form.

Sources: https://docs.omi.me/doc/developer/apps/Integrations and Omi's backend models
(`transcript_segment`, `conversation`, `structured`).
"""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from omibackend.core.text import storable
from webhooks.inbox.provider import Payload

TEXT_CHARS = 100_000
NAME_CHARS = 200
SOURCE_ID_CHARS = 128


def _text(value: Any) -> Any:
    """PostgreSQL takes no NUL; Omi's backend sends null for many an empty text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return storable(value)[:TEXT_CHARS]
    return value


def _name(value: Any) -> Any:
    return storable(str(value))[:NAME_CHARS] if isinstance(value, str | int) else None


def _source_id(value: Any) -> Any:
    """The docs show an integer id; a long one is shortened by its hash."""
    if value is None or isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = storable(str(value)).strip()
    if len(text) > SOURCE_ID_CHARS:
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return text or None


def _moment(value: Any) -> Any:
    """`summary_json.created_at` has no zone: Omi's servers run in UTC. Odd dates are no dates."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _seconds(value: Any) -> Any:
    """Seconds since the conversation began; beyond a year it is no such thing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 31_536_000 else None


def _list(value: Any) -> Any:
    return [] if value is None else value


Text = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str | None, BeforeValidator(_name)]
SourceId = Annotated[str | None, BeforeValidator(_source_id)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Seconds = Annotated[float | None, BeforeValidator(_seconds)]


class SegmentPayload(Payload):
    id: SourceId = None
    text: Text = ""
    speaker: Name = None
    speaker_id: Annotated[
        int | None, BeforeValidator(lambda v: v if type(v) is int and abs(v) < 2**31 else None)
    ] = Field(default=None, validation_alias=AliasChoices("speaker_id", "speakerId"))
    speaker_name: Name = None
    is_user: Annotated[
        bool | None, BeforeValidator(lambda v: v if isinstance(v, bool) else None)
    ] = None
    person_id: SourceId = None
    start: Seconds = None
    end: Seconds = None


class ActionItemPayload(Payload):
    description: Text = ""
    completed: Annotated[bool, BeforeValidator(lambda v: v is True)] = False
    due_at: Moment = None
    completed_at: Moment = None

    @property
    def is_told(self) -> bool:
        return bool(self.description.strip())


class EventPayload(Payload):
    title: Text = ""
    description: Text = ""
    start: Moment = None
    duration: Annotated[
        int, BeforeValidator(lambda v: v if type(v) is int and 0 < v < 100_000 else 30)
    ] = 30


class Section(Payload):
    heading: Text = ""
    body_markdown: Text = ""
    source_segment_ids: Annotated[list[SourceId], BeforeValidator(_list)] = []


class Structured(Payload):
    title: Text = ""
    overview: Text = ""
    emoji: Text = ""
    category: Name = None
    sections: Annotated[list[Section], BeforeValidator(_list)] = []
    action_items: Annotated[list[ActionItemPayload], BeforeValidator(_list)] = []
    events: Annotated[list[EventPayload], BeforeValidator(_list)] = []


class AppResult(Payload):
    app_id: SourceId = Field(default=None, validation_alias=AliasChoices("app_id", "plugin_id"))
    content: Text = ""


class PhotoPayload(Payload):
    id: SourceId = None
    base64: Annotated[str, BeforeValidator(lambda v: v if isinstance(v, str) else "")] = ""
    description: Text = ""
    created_at: Moment = None
    discarded: Annotated[bool, BeforeValidator(lambda v: v is True)] = False


class Geolocation(Payload):
    address: Text = ""


class ConversationPayload(Payload):
    """A memory: Omi's whole conversation as it is sent when it was processed."""

    id: SourceId = None
    created_at: Moment = None
    started_at: Moment = None
    finished_at: Moment = None
    source: Name = None
    language: Name = None
    structured: Structured = Structured()
    transcript_segments: Annotated[list[SegmentPayload], BeforeValidator(_list)] = []
    photos: Annotated[list[PhotoPayload], BeforeValidator(_list)] = []
    apps_results: Annotated[list[AppResult], BeforeValidator(_list)] = []
    plugins_results: Annotated[list[AppResult], BeforeValidator(_list)] = []
    # the name in Omi's docs page
    apps_response: Annotated[list[AppResult], BeforeValidator(_list)] = []
    geolocation: Geolocation | None = None
    discarded: Annotated[bool, BeforeValidator(lambda v: v is True)] = False


class SummaryPart(Payload):
    """A highlight, decision, question or nugget of the day: each has one text and its source."""

    text: Text = Field(
        default="",
        validation_alias=AliasChoices("summary", "decision", "question", "insight", "text"),
    )
    topic: Text = ""
    conversation_id: SourceId = Field(
        default=None, validation_alias=AliasChoices("conversation_id", "source_conversation_id")
    )


class DaySummary(Payload):
    """`summary` is the Python repr of the same dict, from older versions: not read."""

    id: SourceId = None
    date: Name = None
    created_at: Moment = None
    headline: Text = ""
    overview: Text = ""
    day_emoji: Text = ""
    highlights: Annotated[list[SummaryPart], BeforeValidator(_list)] = []
    decisions_made: Annotated[list[SummaryPart], BeforeValidator(_list)] = []
    unresolved_questions: Annotated[list[SummaryPart], BeforeValidator(_list)] = []
    knowledge_nuggets: Annotated[list[SummaryPart], BeforeValidator(_list)] = []
