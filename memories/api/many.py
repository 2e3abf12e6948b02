"""Many memories at once: marked, deleted, or taken away."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.base import OwnMemories, described
from memories.api.filters import MemoryFilter
from memories.api.serializers import (
    BulkByFilterSerializer,
    BulkByIdsSerializer,
    BulkResultSerializer,
    MemoryExportSerializer,
    MemorySerializer,
)
from memories.export.markdown import as_vault
from memories.export.tables import as_csv, as_json
from memories.models import Memory
from memories.saving.bulk import Action, Chosen, as_previewed, carry_out, choose, others
from memories.saving.writing import lock_owner
from memories.search.finding import narrowed
from omibackend.core.api.pages import in_chunks
from omibackend.core.api.requests import AnyAccept, given, person_id
from omibackend.core.api.serializers import ErrorsSerializer

SAMPLE_ROWS = 10


def _shown(memories: QuerySet[Memory]) -> Iterator[dict[str, Any]]:
    for chunk in in_chunks(memories):
        yield from map(dict, MemorySerializer(chunk, many=True).data)


EXPORTS: dict[str, tuple[Callable[[QuerySet[Memory]], Iterator[bytes]], str, str]] = {
    "json": (lambda rows: as_json(_shown(rows)), "application/json", "memories.json"),
    "csv": (lambda rows: as_csv(_shown(rows)), "text/csv; charset=utf-8", "memories.csv"),
    "md": (as_vault, "application/zip", "memories.zip"),
}


class MemoryBulk(OwnMemories):
    pagination_class = None

    @described(
        "memories_bulk",
        request=PolymorphicProxySerializer(
            component_name="Bulk",
            serializers=[BulkByIdsSerializer, BulkByFilterSerializer],
            resource_type_field_name=None,
        ),
        responses={200: BulkResultSerializer, 404: ErrorsSerializer, 409: ErrorsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Delete or mark up to 1,000 memories, by id or by what the list can be narrowed down by;
        by the latter only as many as a preview counted before. 409: now others match."""
        by_ids = isinstance(request.data, Mapping) and "ids" in request.data
        wanted = given(BulkByIdsSerializer if by_ids else BulkByFilterSerializer, request.data)
        action, category = Action(wanted["action"]), wanted["category"]
        preview = wanted["preview"] or not (by_ids or "expected" in wanted)
        with transaction.atomic():
            lock_owner([person_id(request)])
            chosen = self._chosen(wanted, action, category)
            sample = self._sample(chosen)
            changed = 0
            if not preview:
                as_previewed(chosen, wanted.get("expected"))
                changed = carry_out(chosen, action, category=category)
        found = {"count": chosen.count, "more": chosen.more, "changed": changed, "sample": sample}
        return Response(BulkResultSerializer({"preview": preview, **found}).data)

    def _chosen(self, wanted: Mapping[str, Any], action: Action, category: str) -> Chosen:
        mine = Memory.objects.filter(owner_id=person_id(self.request))
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


class MemoryExport(OwnMemories):
    filterset_class = MemoryFilter
    pagination_class = None
    content_negotiation_class = AnyAccept

    @described(
        "memories_export",
        parameters=[
            OpenApiParameter("format", enum=list(EXPORTS), default="json", description="md: a zip")
        ],
        responses={
            (200, "application/json"): MemorySerializer(many=True),
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/zip"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """All that the list would show, as one file: JSON, CSV, or a zipped vault with a Markdown
        note for each memory."""
        wanted = {"format": request.query_params.get("format", "json")}
        written, media_type, name = EXPORTS[given(MemoryExportSerializer, wanted)["format"]]
        memories = self.filter_queryset(self.get_queryset())
        response = StreamingHttpResponse(written(memories), content_type=media_type)
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        response["Cache-Control"] = "private, no-store"
        return response
