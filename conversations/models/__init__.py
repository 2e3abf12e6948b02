from conversations.models.asked import Listening, Notification, Question, ReplyChannel
from conversations.models.clients import EVERY_CLIENT, Client
from conversations.models.contexts import ContextState, ContextWindow, Pending, Space
from conversations.models.deleted import DeletedSession, DeletedWords
from conversations.models.heard import OmiSession, TranscriptSegment, TranscriptWords
from conversations.models.threads import Conversation, Message, messages_of

__all__ = [
    "EVERY_CLIENT",
    "Client",
    "ContextState",
    "ContextWindow",
    "Conversation",
    "DeletedSession",
    "DeletedWords",
    "Listening",
    "Message",
    "Notification",
    "OmiSession",
    "Pending",
    "Question",
    "ReplyChannel",
    "Space",
    "TranscriptSegment",
    "TranscriptWords",
    "messages_of",
]
