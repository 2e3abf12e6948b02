"""What the admin's lists and pages share."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.admin import ModelAdmin

from omibackend.core.admin.paging import BoundedPaginator


class LongListAdmin(ModelAdmin):
    """As quick with a million rows as with ten."""

    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator


class LookupFilter(admin.SimpleListFilter):
    """By the key in the address a title and what the rows must be."""

    choosable: dict[str, tuple[str, Q]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, title) for key, (title, _) in self.choosable.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.choosable.get(self.value() or "")
        return queryset.filter(wanted[1]) if wanted else queryset


class ReadOnlyAdmin(LongListAdmin):
    """Rows to look at: none is written by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PageAdmin(ModelAdmin):
    """One row on a page of its own."""

    unused_buttons: tuple[str, ...] = ()

    def page_context(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        row = self.get_object(request, object_id) if object_id else None
        extra = {
            **dict.fromkeys(self.unused_buttons, False),
            **(extra_context or {}),
            **(self.page_context(row, request) if row else {}),
        }
        return super().changeform_view(request, object_id, form_url, extra)  # type: ignore[no-any-return]


def is_among(rows: QuerySet[Any], object_id: Any) -> bool:
    """An id out of an address may be none."""
    try:
        return rows.filter(pk=object_id).exists()
    except ValidationError:
        return False


def back_to(request: HttpRequest, link: str) -> HttpResponse:
    """After a dialog, which htmx sends, or a plain form."""
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": link})
    return redirect(link)
