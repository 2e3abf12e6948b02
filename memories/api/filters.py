"""What lists may be narrowed down by, in the query of an address."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from memories.models import Memory
from memories.search.finding import narrowed
from omibackend.core.api.filters import ListFilter, moment, text

MOST_Q_CHARS = 500


def yes_or_no(description: str) -> Any:
    """django-filter's own takes whatever is neither for no question at all."""
    choices = [("true", "true"), ("false", "false")]
    schema = {"type": "boolean", "description": description}
    return extend_schema_field(schema)(
        filters.TypedChoiceFilter(choices=choices, coerce="true".__eq__, empty_value=None)
    )


class MemoryFilter(ListFilter):
    q = text('Words, "a phrase", -without, this or that', MOST_Q_CHARS)
    category = text("Exactly this category", 40)
    occurred_after = moment("At this moment or later")
    occurred_before = moment("Before this moment")
    pinned = yes_or_no("Only pinned ones, or only others")
    private = yes_or_no("Only private ones, or only others")
    wrong = yes_or_no("Only those marked as wrong, or only others")

    def filter_queryset(self, queryset: QuerySet[Memory]) -> QuerySet[Memory]:
        return narrowed(queryset, self.form.cleaned_data)


class MemoryListFilter(MemoryFilter):
    """Leaves `q` and `order` to the pages, which know how to read little for one."""

    order = extend_schema_field(
        {
            "type": "string",
            "enum": ["time", "relevance"],
            "default": "time",
            "description": "The newest first; or what fits `q` best, by its words and, where an"
            " embeddings model is configured, by its meaning: one page of it",
        }
    )(filters.ChoiceFilter(choices=[("time", "time"), ("relevance", "relevance")]))

    def filter_queryset(self, queryset: QuerySet[Memory]) -> QuerySet[Memory]:
        return narrowed(queryset, {**self.form.cleaned_data, "q": ""})


class ActionItemFilter(ListFilter):
    status = extend_schema_field(
        {"type": "string", "enum": ["open", "done"], "description": "Still to do, or done"}
    )(
        filters.TypedChoiceFilter(
            field_name="completed",
            choices=[("open", "open"), ("done", "done")],
            coerce="done".__eq__,
            empty_value=None,
        )
    )
    due_after = moment("Due at this moment or later", "due_at__gte")
    due_before = moment("Due before this moment", "due_at__lt")
