"""What the list of conversations may be narrowed down by, in the query of its address."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from conversations.models import Conversation
from conversations.transcripts.search import with_words
from omibackend.core.api.filters import ListFilter, moment, text


class ConversationFilter(ListFilter):
    q = text('Words that were said or written: some, "a phrase", -without, this or that', 500)
    kind = filters.ChoiceFilter(choices=Conversation.Kind.choices)
    occurred_after = moment("Whose last message is of this moment or later")
    occurred_before = moment("Whose last message is from before this moment")

    def filter_queryset(self, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
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
