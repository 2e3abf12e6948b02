from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from conversations.models import (
    EVERY_CLIENT,
    Client,
    ContextState,
    ContextWindow,
    Conversation,
    Message,
    Notification,
    OmiSession,
    Question,
)
from conversations.pages.session import page, plain_text
from conversations.transcripts import deletion
from omibackend.core.admin.lists import PageAdmin, ReadOnlyAdmin
from omibackend.core.show import human
from omibackend.core.templatetags.ob import chip


class ForgettingAdmin(ReadOnlyAdmin):
    def delete_model(self, request: HttpRequest, obj: Conversation | OmiSession) -> None:
        deletion.delete(obj.conversation if isinstance(obj, OmiSession) else obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            self.delete_model(request, row)


class ClientRecord(ReadOnlyAdmin):
    """People's, and those of the clients that one may see."""

    client = "client"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.user.has_perm(EVERY_CLIENT):
            return rows
        seen = Client.objects.visible_to(request.user)
        return rows.filter(Q((self.client, None)) | Q((f"{self.client}__in", seen)))


@admin.register(Client)
class ClientAdmin(ModelAdmin):
    list_display = ["name", "code"]
    search_fields = ["name", "code"]
    autocomplete_fields = ["staff"]


@admin.register(OmiSession)
class OmiSessionAdmin(PageAdmin, ForgettingAdmin):
    list_display = ["what", "last_heard", "length", "kept"]
    list_select_related = ["owner"]
    list_filter = [("finalised_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "last_received_at"
    change_form_template = "admin/conversations/omisession/page.html"
    actions_detail = ("plain_text",)

    @admin.display(description="session", ordering="title")
    def what(self, session: OmiSession) -> SafeString:
        return format_html(
            '<span class="ob-what"><b>{}</b> <span class="ob-second">{}</span></span>',
            str(session),
            session.owner,
        )

    @admin.display(description="last heard", ordering="last_received_at")
    def last_heard(self, session: OmiSession) -> str:
        return f"{human.moment(session.last_received_at)} · {human.ago(session.last_received_at)}"

    @admin.display(description="length", ordering="segment_count")
    def length(self, session: OmiSession) -> str:
        said = human.several(session.segment_count, "segment")
        return said if session.length_s is None else f"{human.length(session.length_s)} · {said}"

    @admin.display(description="transcript", ordering="finalised_at")
    def kept(self, session: OmiSession) -> SafeString:
        if session.is_final:
            return chip("ok", "task_alt", "as Omi kept it")
        return chip("info", "graphic_eq", "as heard live")

    def page_context(self, row: OmiSession, request: HttpRequest) -> dict[str, Any]:
        return {"page": page(row, request.user)}

    @action(description="Plain text", icon="article", permissions=["view"], url_path="plain-text")
    def plain_text(self, request: HttpRequest, object_id: str) -> HttpResponse:
        session = get_object_or_404(OmiSession, pk=object_id)
        name = f"session-{str(session.pk)[-8:]}.txt"
        return HttpResponse(
            plain_text(session),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


@admin.register(Question)
class QuestionAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "owner", "asked_at", "state", "channel", "why", "took_ms", "model"]
    list_select_related = ["owner"]
    list_filter = ["state", "channel"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "owner", "state", "send_state", "sent_at", "last_error"]
    list_select_related = ["owner"]
    list_filter = ["state", "send_state"]


@admin.register(Conversation)
class ConversationAdmin(ForgettingAdmin, ClientRecord):
    list_display = ["__str__", "whose", "kind", "started_at", "last_message_at"]
    list_select_related = ["owner", "client"]
    list_filter = ["kind"]

    @admin.display(description="owner", ordering="owner")
    def whose(self, conversation: Conversation) -> SafeString:
        whose = conversation.owner or conversation.client
        return format_html('<span class="whitespace-nowrap">{}</span>', whose)

    def get_exclude(self, request: HttpRequest, obj: Conversation | None = None) -> list[str]:
        return ["owner" if obj and obj.client_id else "client"]

    def has_delete_permission(self, request: HttpRequest, obj: Conversation | None = None) -> bool:
        """A client's is kept where its agent wrote it."""
        of_client = obj is not None and obj.client_id is not None
        return not of_client and super().has_delete_permission(request, obj)


@admin.register(Message)
class MessageAdmin(ClientRecord):
    client = "conversation__client"
    list_display = ["__str__", "conversation", "role", "occurred_at"]
    list_select_related = ["conversation"]
    list_filter = ["role"]
    exclude = ["search"]


class WindowInline(TabularInline):
    model = ContextWindow
    fields = ["slot", "conversation"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ContextState)
class ContextStateAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "owner", "space", "pending", "active_slot", "updated_at"]
    list_select_related = ["owner"]
    list_filter = ["space"]
    inlines = [WindowInline]
