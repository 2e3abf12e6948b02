from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from memories.admin import bulk
from memories.admin.page import card, chips
from memories.models import ActionItem, By, Memory, Photo
from memories.saving.history import FLAGS
from memories.saving.parts import edit_action_item, mark
from memories.saving.writing import EDITABLE, edit, forget
from memories.search.finding import with_words
from omibackend.core.admin.lists import LongListAdmin, LookupFilter, PageAdmin

# How far back the category filter looks for the categories in use.
LATEST_MEMORIES = 2000


class EditedFilter(LookupFilter):
    title = parameter_name = "edited"
    choosable = {
        "yes": ("by the owner", ~Q(edited_fields=[])),
        "no": ("as it was sent", Q(edited_fields=[])),
    }


class MarkFilter(LookupFilter):
    title = parameter_name = "mark"
    choosable = {name: (name, Q(**{name: True})) for name in FLAGS}


class CategoryFilter(admin.SimpleListFilter):
    """Django's own would read every row for its list of values."""

    title = parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        latest = Memory.objects.values_list("category", flat=True)[:LATEST_MEMORIES]
        return [(category, category) for category in sorted(set(latest)) if category]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Memory]) -> QuerySet[Memory]:
        return queryset.filter(category=self.value()) if self.value() else queryset


@admin.register(Memory)
class MemoryAdmin(PageAdmin, LongListAdmin):
    list_display = ["what", "marks", "owner", "category", "occurred_at"]
    list_filter = ["kind", CategoryFilter, MarkFilter, EditedFilter, "occurred_at"]
    list_select_related = ["owner"]
    search_fields = ["title"]
    search_help_text = 'Words, "a phrase", -without, this or that'
    fieldsets = [("Edit", {"fields": ["title", "text", ("category", "emoji"), FLAGS]})]
    actions = bulk.ACTIONS
    change_form_outer_before_template = "admin/memories/memory/before.html"

    @admin.display(description="memory", ordering="title")
    def what(self, memory: Memory) -> str:
        return f"{memory.emoji} {memory.display_title}".strip()

    @admin.display(description="marks")
    def marks(self, memory: Memory) -> SafeString:
        return format_html_join(" ", "{}", ((each,) for each in chips(memory)))

    def page_context(self, row: Memory, request: HttpRequest) -> dict[str, Any]:
        return {"show_save_and_continue": False, "page": card(row, request.user)}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "title":  # of any length, and still one line
            options["widget"] = UnfoldAdminTextInputWidget()
        return super().formfield_for_dbfield(db_field, request, **options)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Memory], search_term: str
    ) -> tuple[QuerySet[Memory], bool]:
        return (with_words(queryset, search_term) if search_term else queryset), False

    def save_model(
        self, request: HttpRequest, obj: Memory, form: "ModelForm[Memory]", change: Any
    ) -> None:
        by = By.OWNER if obj.owner_id == request.user.pk else By.STAFF
        changes = {name: form.cleaned_data[name] for name in form.changed_data if name in EDITABLE}
        edit(obj, changes, by=by)

    def delete_model(self, request: HttpRequest, obj: Memory) -> None:
        forget([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Memory]) -> None:
        forget(queryset)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A memory's action items go with it: who may delete it needs no right to them."""
        to_delete, counts, needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, needed - {str(ActionItem._meta.verbose_name)}, protected

    def get_urls(self) -> list[URLPattern]:
        photo = path(
            "<uuid:memory_id>/photos/<uuid:photo_id>/",
            self.admin_site.admin_view(self.photo),
            name="memories_memory_photo",
        )
        return [photo, *super().get_urls()]

    def photo(self, request: HttpRequest, memory_id: UUID, photo_id: UUID) -> HttpResponseBase:
        if not request.user.has_perms(["memories.view_memory", "memories.view_photo"]):
            raise PermissionDenied
        photo = get_object_or_404(Photo.objects.exclude(file=""), pk=photo_id, memory_id=memory_id)
        response = FileResponse(photo.file.open(), content_type=photo.content_type)
        response["Cache-Control"] = "private, no-store"
        return response


@admin.register(ActionItem)
class ActionItemAdmin(LongListAdmin):
    list_display = ["what", "owner", "due_at", "completed"]
    list_filter = ["completed", "due_at"]
    list_select_related = ["owner"]
    fields = ["description", "due_at", "completed", "owner", "memory", "completed_at"]
    readonly_fields = ["owner", "memory", "completed_at"]
    actions = ["mark_done", "mark_open"]

    @admin.display(description="action item", ordering="description")
    def what(self, item: ActionItem) -> str:
        return item.description if len(item.description) <= 120 else f"{item.description[:119]}…"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the next re-send would bring it back: it is marked done instead

    def save_model(
        self, request: HttpRequest, obj: ActionItem, form: "ModelForm[ActionItem]", change: Any
    ) -> None:
        edit_action_item(obj, {name: form.cleaned_data[name] for name in form.changed_data})

    @admin.action(description="Mark as done", permissions=["change"])
    def mark_done(self, request: HttpRequest, items: QuerySet[ActionItem]) -> None:
        self.message_user(request, f"Marked {mark(items, completed=True)} as done.")

    @admin.action(description="Mark as open", permissions=["change"])
    def mark_open(self, request: HttpRequest, items: QuerySet[ActionItem]) -> None:
        self.message_user(request, f"Marked {mark(items, completed=False)} as open.")
