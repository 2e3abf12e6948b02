from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from memories.semantic.models import Embedding
from omibackend.core.admin.lists import ReadOnlyAdmin
from omibackend.core.work import lanes, leased


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "model", "dimensions", "state", "attempts", "last_error"]
    list_filter = ["state"]
    actions = ["embed_again"]
    exclude = ["vector"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Embedding]:
        return super().get_queryset(request).defer("vector")  # type: ignore[no-any-return]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it goes with its memory

    @admin.action(description="Embed again", permissions=["view"])
    def embed_again(self, request: HttpRequest, embeddings: QuerySet[Embedding]) -> None:
        queued = leased.replay(embeddings)
        lanes.wake("ai")
        self.message_user(request, f"Queued {queued}.")
