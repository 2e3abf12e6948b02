from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from conversations.models import Conversation, Message, Notification, OmiSession, Question


class Record(ModelAdmin):
    """Rows to look at: they come from what was said, and are not written by hand."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(OmiSession)
class OmiSessionAdmin(Record):
    list_display = ["__str__", "owner", "started_at", "last_received_at", "segment_count", "final"]
    list_select_related = ["owner"]
    list_filter = [("finalised_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "last_received_at"

    @admin.display(boolean=True, ordering="finalised_at")
    def final(self, session: OmiSession) -> bool:
        return session.is_final


@admin.register(Question)
class QuestionAdmin(Record):
    list_display = ["__str__", "owner", "asked_at", "state", "channel", "why", "took_ms", "model"]
    list_select_related = ["owner"]
    list_filter = ["state", "channel"]


@admin.register(Notification)
class NotificationAdmin(Record):
    list_display = ["__str__", "owner", "state", "send_state", "sent_at", "last_error"]
    list_select_related = ["owner"]
    list_filter = ["state", "send_state"]


@admin.register(Conversation)
class ConversationAdmin(Record):
    list_display = ["__str__", "owner", "kind", "started_at", "last_message_at"]
    list_select_related = ["owner"]
    list_filter = ["kind"]


@admin.register(Message)
class MessageAdmin(Record):
    list_display = ["__str__", "conversation", "role", "occurred_at"]
    list_select_related = ["conversation"]
    list_filter = ["role"]
