from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.base import OwnMemories, described, still_there
from memories.api.filters import MemoryListFilter
from memories.api.serializers import (
    MemoryChangeSerializer,
    MemorySerializer,
    MergeSerializer,
    NoteSerializer,
    RevertSerializer,
    RevisionSerializer,
)
from memories.models import Memory
from memories.saving.merging import merge
from memories.saving.writing import edit, forget, revert, write
from memories.search.finding import hybrid, newest_hits
from omibackend.core.api.pages import Pages, page_size
from omibackend.core.api.requests import given, person_id
from omibackend.core.api.serializers import ErrorsSerializer
from omibackend.core.errors import Refused


class MemoryPages(Pages):
    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.owner_id = person_id(request)
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


class MemoryList(OwnMemories, ListAPIView[Memory]):
    filterset_class = MemoryListFilter
    pagination_class = MemoryPages

    @described("memories_list", shows="memories_read")
    def get(self, request: Request) -> Response:
        """Memories, the newest first; by words, category, time and marks."""
        return self.list(request)

    @described(
        "memories_create",
        request=NoteSerializer,
        responses={200: MemorySerializer, 201: MemorySerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep a note. 200: the same text was kept within hours, and is that note."""
        note, is_new = write(owner_id=person_id(request), **given(NoteSerializer, request.data))
        return self.shown(note.pk, 201 if is_new else 200)


class MemoryDetail(OwnMemories):
    @described("memories_read")
    def get(self, request: Request, pk: str) -> Response:
        """One memory with its action items and events."""
        return Response(MemorySerializer(self.get_object()).data)

    @described(
        "memories_change",
        shows="memories_read",
        request=MemoryChangeSerializer,
        responses=MemorySerializer,
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Correct or mark a memory. What you write outlives whatever its sender sends again."""
        memory = self.get_object()
        with still_there():
            edit(memory, given(MemoryChangeSerializer, request.data))
        return self.shown(memory.pk)

    @described("memories_delete", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Delete a memory with its parts and its history. No sender brings it back."""
        forget([self.get_object()])
        return Response(status=204)


class MemoryHistory(OwnMemories):
    @described("memories_history", responses=RevisionSerializer(many=True))
    def get(self, request: Request, pk: str) -> Response:
        """What was changed, by whom, and what stood there before; the latest first."""
        revisions: Any = self.get_object().revisions.all()
        page: Any = self.paginate_queryset(revisions)
        return self.get_paginated_response(RevisionSerializer(page, many=True).data)


class MemoryRevert(OwnMemories):
    @described(
        "memories_revert",
        shows="memories_read",
        request=RevertSerializer,
        responses=MemorySerializer,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Undo one change of the history: its fields become what they were before it."""
        memory = self.get_object()
        wanted = given(RevertSerializer, request.data)["revision"]
        with still_there():
            revert(memory, get_object_or_404(memory.revisions.all(), pk=wanted))
        return self.shown(memory.pk)


class MemoryMerge(OwnMemories):
    @described(
        "memories_merge",
        shows="memories_read",
        request=MergeSerializer,
        responses={200: MemorySerializer, 409: ErrorsSerializer},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Make another memory part of this one: its text, action items, events and photos move
        here, and it is gone. What its sender sends again changes nothing."""
        memory = self.get_object()
        other = given(MergeSerializer, request.data)["other"]
        if other == memory.pk:
            raise Refused(409, "same_memory", "This is the same memory.", attr="other")
        with still_there():
            merge(owner_id=person_id(request), kept_id=memory.pk, other_id=other)
        return self.shown(memory.pk)
