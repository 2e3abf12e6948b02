"""What the list of conversations may be narrowed down by, in the query of its address."""

from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from conversations.models import Conversation
from conversations.search import with_words
from omibackend.core.errors import Refused
from omibackend.core.moments import moment

MOST_Q_CHARS = 500


def _words() -> Any:
    description = 'Words that were said or written: some, "a phrase", -without, this or that'
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_Q_CHARS,
        "pattern": r"^[^\u0000]*$",
        "description": description,
    }
    return extend_schema_field(schema)(
        filters.CharFilter(max_length=MOST_Q_CHARS, help_text=description)
    )


class ConversationFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    q = _words()
    kind = filters.ChoiceFilter(choices=Conversation.Kind.choices)
    occurred_after = moment("Whose last message is of this moment or later")
    occurred_before = moment("Whose last message is from before this moment")

    def filter_queryset(self, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        blank = [name for name in self.filters if self.data.get(name) == ""]
        if blank:
            raise Refused(400, "blank", "Leave it out instead.", attr=blank[0])
        asked = self.form.cleaned_data
        wanted = {
            "kind": asked["kind"],
            "last_message_at__gte": asked["occurred_after"],
            "last_message_at__lt": asked["occurred_before"],
        }
        queryset = queryset.filter(**{name: value for name, value in wanted.items() if value})
        if not asked["q"]:
            return queryset
        return with_words(queryset, self.request.user.pk, asked["q"])
