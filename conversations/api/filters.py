"""What the list of conversations may be narrowed down by, in the query of its address."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from conversations.models import Conversation
from conversations.transcripts.search import with_words
from omibackend.core.api.filters import ListFilter, moment, text


class ConversationFilter(ListFilter):
    q = text('Words that were said or written: some, "a phrase", -without, this or that', 500)
    kind = filters.ChoiceFilter(choices=Conversation.Kind.choices)
    occurred_after = moment("Whose last message is of this moment or later", "last_message_at__gte")
    occurred_before = moment("Whose last message is from before this moment", "last_message_at__lt")

    def filter_queryset(self, queryset: QuerySet[Conversation]) -> QuerySet[Conversation]:
        q = self.form.cleaned_data.pop("q")
        found = super().filter_queryset(queryset)
        return with_words(found, self.request.user.pk, q) if q else found
