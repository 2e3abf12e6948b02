from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import examples
from memories.api.filters import ActionItemFilter, MemoryFilter, MemoryListFilter
from memories.api.serializers import (
    ActionItemChangeSerializer,
    ActionItemSerializer,
    BulkByFilterSerializer,
    BulkByIdsSerializer,
    BulkResultSerializer,
    MemoryChangeSerializer,
    MemoryExportSerializer,
    MemorySerializer,
    MergeSerializer,
    NoteSerializer,
    RevertSerializer,
    RevisionSerializer,
)
from memories.export.markdown import as_vault
from memories.export.tables import as_csv, as_json
from memories.models import ActionItem, Memory
from memories.saving.bulk import Action, Chosen, as_previewed, carry_out, choose, others
from memories.saving.merging import merge
from memories.saving.parts import edit_action_item
from memories.saving.writing import edit, forget, lock_owner, revert, write
from memories.search.finding import hybrid, narrowed, newest_hits
from omibackend.core.api.pages import Pages, page_size
from omibackend.core.api.serializers import ErrorsSerializer
from omibackend.core.errors import Refused

SAMPLE_ROWS = 10
TAGS = ["memories"]
ITEM_TAGS = ["action items"]
# Long, and the API shows nothing of them.
UNSHOWN = ("search", "segment_keys", "quote", "details", "sender_version")
EXPORTS = {
    "json": (as_json, "application/json", "memories.json"),
    "csv": (as_csv, "text/csv; charset=utf-8", "memories.csv"),
    "md": (as_vault, "application/zip", "memories.zip"),
}


class OwnMemories(GenericAPIView[Memory]):
    """The caller's own, and nobody else's."""

    serializer_class = MemorySerializer
    queryset = Memory.objects.none()

    def get_queryset(self) -> QuerySet[Memory]:
        mine = Memory.objects.filter(owner_id=self.request.user.pk).defer(*UNSHOWN)
        return mine.prefetch_related("action_items", "events")

    def asked(self, serializer: type[Any]) -> dict[str, Any]:
        read = serializer(data=self.request.data)
        read.is_valid(raise_exception=True)
        return dict(read.validated_data)

    def shown(self, pk: UUID, status: int = 200) -> Response:
        """As it is now, after whatever was done to it."""
        memory = get_object_or_404(self.get_queryset(), pk=pk)
        return Response(MemorySerializer(memory).data, status)


class MemoryPages(Pages):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.owner_id = _me(request)
        self.q = request.query_params.get("q", "").strip()
        if self.q and request.query_params.get("order") == "relevance":
            return self.best(queryset, request)
        return super().paginate_queryset(queryset, request, view)

    def best(self, queryset: QuerySet[Any], request: Request) -> list[Any]:
        self.url, self.before, self.after = request.build_absolute_uri(), None, None
        ranked = [memory.pk for memory in hybrid(self.owner_id, self.q, page_size(request))]
        rows = queryset.in_bulk(ranked)
        return [rows[pk] for pk in ranked if pk in rows]

    def read(self, rows: QuerySet[Any], beyond: Any, most: int) -> list[Any]:
        if not self.q:
            return super().read(rows, beyond, most)
        return newest_hits(rows, self.q, beyond, most, owner_id=self.owner_id)


@extend_schema(tags=TAGS)
class MemoryList(OwnMemories, ListAPIView[Memory]):
    filterset_class = MemoryListFilter
    pagination_class = MemoryPages

    @extend_schema(operation_id="memories_list", examples=examples.MEMORIES)
    def get(self, request: Request) -> Response:
        """Memories, the newest first; by words, category, time and marks."""
        return self.list(request)

    @extend_schema(
        operation_id="memories_create",
        request=NoteSerializer,
        responses={200: MemorySerializer, 201: MemorySerializer},
        examples=examples.CREATE,
    )
    def post(self, request: Request) -> Response:
        """Keep a note. 200: the same text was kept within hours, and is that note."""
        note, is_new = write(owner_id=_me(request), **self.asked(NoteSerializer))
        return self.shown(note.pk, 201 if is_new else 200)


@extend_schema(tags=TAGS)
class MemoryDetail(OwnMemories):
    @extend_schema(operation_id="memories_read", examples=[examples.MEMORY_ANSWER])
    def get(self, request: Request, pk: str) -> Response:
        """One memory with its action items and events."""
        return Response(MemorySerializer(self.get_object()).data)

    @extend_schema(
        operation_id="memories_change",
        request=MemoryChangeSerializer,
        responses=MemorySerializer,
        examples=examples.CHANGE,
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Correct or mark a memory. What you write outlives whatever its sender sends again."""
        memory = self.get_object()
        with _still_there():
            edit(memory, self.asked(MemoryChangeSerializer))
        return self.shown(memory.pk)

    @extend_schema(operation_id="memories_delete", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Delete a memory with its parts and its history. No sender brings it back."""
        forget([self.get_object()])
        return Response(status=204)


@extend_schema(tags=TAGS)
class MemoryHistory(OwnMemories):
    @extend_schema(
        operation_id="memories_history",
        responses=RevisionSerializer(many=True),
        examples=examples.HISTORY,
    )
    def get(self, request: Request, pk: str) -> Response:
        """What was changed, by whom, and what stood there before; the latest first."""
        revisions: Any = self.get_object().revisions.all()
        page: Any = self.paginate_queryset(revisions)
        return self.get_paginated_response(RevisionSerializer(page, many=True).data)


@extend_schema(tags=TAGS)
class MemoryRevert(OwnMemories):
    @extend_schema(
        operation_id="memories_revert",
        request=RevertSerializer,
        responses=MemorySerializer,
        examples=examples.REVERT,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Undo one change of the history: its fields become what they were before it."""
        memory = self.get_object()
        wanted = self.asked(RevertSerializer)["revision"]
        with _still_there():
            revert(memory, get_object_or_404(memory.revisions.all(), pk=wanted))
        return self.shown(memory.pk)


@extend_schema(tags=TAGS)
class MemoryMerge(OwnMemories):
    @extend_schema(
        operation_id="memories_merge",
        request=MergeSerializer,
        responses={200: MemorySerializer, 409: ErrorsSerializer},
        examples=examples.MERGE,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Make another memory part of this one: its text, action items, events and photos move
        here, and it is gone. What its sender sends again changes nothing."""
        memory = self.get_object()
        other = self.asked(MergeSerializer)["other"]
        if other == memory.pk:
            raise Refused(409, "same_memory", "This is the same memory.", attr="other")
        with _still_there():
            merge(owner_id=_me(request), kept_id=memory.pk, other_id=other)
        return self.shown(memory.pk)


@extend_schema(tags=TAGS)
class MemoryBulk(OwnMemories):
    pagination_class = None

    @extend_schema(
        operation_id="memories_bulk",
        request=PolymorphicProxySerializer(
            component_name="Bulk",
            serializers=[BulkByIdsSerializer, BulkByFilterSerializer],
            resource_type_field_name=None,
        ),
        responses={200: BulkResultSerializer, 404: ErrorsSerializer, 409: ErrorsSerializer},
        examples=examples.BULK,
    )
    def post(self, request: Request) -> Response:
        """Delete or mark up to 1,000 memories, by id or by what the list can be narrowed down by;
        by the latter only as many as a preview counted before. 409: now others match."""
        by_ids = isinstance(request.data, Mapping) and "ids" in request.data
        wanted = self.asked(BulkByIdsSerializer if by_ids else BulkByFilterSerializer)
        action, category = Action(wanted["action"]), wanted["category"]
        preview = wanted["preview"] or not (by_ids or "expected" in wanted)
        with transaction.atomic():
            lock_owner([_me(request)])
            chosen = self._chosen(wanted, action, category)
            sample = self._sample(chosen)
            changed = 0
            if not preview:
                as_previewed(chosen, wanted.get("expected"))
                changed = carry_out(chosen, action, category=category)
        found = {"count": chosen.count, "more": chosen.more, "changed": changed, "sample": sample}
        return Response(BulkResultSerializer({"preview": preview, **found}).data)

    def _chosen(self, wanted: Mapping[str, Any], action: Action, category: str) -> Chosen:
        mine = Memory.objects.filter(owner_id=_me(self.request))
        if "filter" in wanted:
            return choose(others(narrowed(mine, wanted["filter"]), action, category=category))
        ids = set(wanted["ids"])
        chosen = choose(mine.filter(pk__in=ids))
        if chosen.count != len(ids):
            raise Http404
        return chosen

    def _sample(self, chosen: Chosen) -> list[dict[str, Any]]:
        some = [memory.pk for memory in chosen.memories[:SAMPLE_ROWS]]
        return [
            {"id": memory.pk, "title": memory.display_title, "occurred_at": memory.occurred_at}
            for memory in self.get_queryset().filter(pk__in=some).prefetch_related(None)
        ]


class AnyAccept(BaseContentNegotiation):
    """The format is asked for by name; errors are JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


@extend_schema(tags=TAGS)
class MemoryExport(OwnMemories):
    filterset_class = MemoryFilter
    pagination_class = None
    content_negotiation_class = AnyAccept

    @extend_schema(
        operation_id="memories_export",
        parameters=[
            OpenApiParameter("format", enum=list(EXPORTS), default="json", description="md: a zip")
        ],
        responses={
            (200, "application/json"): MemorySerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/zip"): OpenApiTypes.BINARY,
        },
        examples=examples.EXPORT,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that the list would show, as one file: JSON, CSV, or a zipped vault with a Markdown
        note for each memory."""
        asked = MemoryExportSerializer(data={"format": request.query_params.get("format", "json")})
        asked.is_valid(raise_exception=True)
        written, media_type, name = EXPORTS[asked.validated_data["format"]]
        memories = self.filter_queryset(self.get_queryset())
        response = StreamingHttpResponse(written(memories), content_type=media_type)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "private, no-store"
        return response


class OwnActionItems(GenericAPIView[ActionItem]):
    serializer_class = ActionItemSerializer
    queryset = ActionItem.objects.none()

    def get_queryset(self) -> QuerySet[ActionItem]:
        return ActionItem.objects.filter(owner_id=self.request.user.pk)


@extend_schema(tags=ITEM_TAGS)
class ActionItemList(OwnActionItems, ListAPIView[ActionItem]):
    filterset_class = ActionItemFilter

    @extend_schema(operation_id="action_items_list", examples=examples.ACTION_ITEMS)
    def get(self, request: Request) -> Response:
        """Action items of all memories, the newest first; open or done, by when they are due."""
        return self.list(request)


@extend_schema(tags=ITEM_TAGS)
class ActionItemDetail(OwnActionItems):
    @extend_schema(operation_id="action_items_read", examples=[examples.ACTION_ITEM_ANSWER])
    def get(self, request: Request, pk: str) -> Response:
        """One action item."""
        return Response(ActionItemSerializer(self.get_object()).data)

    @extend_schema(
        operation_id="action_items_change",
        request=ActionItemChangeSerializer,
        responses=ActionItemSerializer,
        examples=examples.ACTION_ITEM_CHANGE,
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Tick off, reword or reschedule. Your decision outlives whatever is sent again."""
        item = self.get_object()
        changes = ActionItemChangeSerializer(data=request.data)
        changes.is_valid(raise_exception=True)
        with _still_there():
            edit_action_item(item, changes.validated_data)
            item.refresh_from_db()
        return Response(ActionItemSerializer(item).data)


def _me(request: Request) -> int:
    me: Any = request.user.pk
    return int(me)


@contextmanager
def _still_there() -> Iterator[None]:
    """What was deleted just now is not found either."""
    try:
        yield
    except ObjectDoesNotExist as error:
        raise Http404 from error
