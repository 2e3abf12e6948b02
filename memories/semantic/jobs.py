"""Embedding memories on the lane `ai`: many in one request to the model."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

from memories.models import Memory
from memories.search.finding import tellable
from memories.semantic.models import Embedding, model_in_use, outdated
from omibackend.core.work import leased, registry
from omibackend.core.work.effects import Effect
from omibackend.core.work.registry import WorkType
from omibackend.llm.embeddings import Vector, vectors_of

AT_ONCE = 32
# Within what embedding models read of a text.
MOST_CHARS = 6000
LEASE_MARGIN_S = 30
QUEUED_AT_ONCE = 5000


def register() -> None:
    registry.register(
        WorkType(
            model=Embedding,
            lane="ai",
            lease_s=settings.OPENAI_TIMEOUT_MS // 1000 + LEASE_MARGIN_S,
            prepare_many=prepare_many,
            apply=apply,
            at_once=AT_ONCE,
        )
    )


def prepare_many(rows: Sequence[Embedding]) -> dict[UUID, Vector | None]:
    """A request for many costs as much as one for one. What failed before goes alone, so that a
    text that the model refuses costs the others one try."""
    vectors = _vectors_of(_words_of([row.pk for row in rows]))
    return {row.pk: vectors.get(row.pk) for row in rows}


def apply(row: Embedding, vector: Vector | None) -> list[Effect]:
    """A memory whose words changed meanwhile has a row without this lease: it is tried again."""
    Embedding.objects.filter(pk=row.pk).update(
        vector=vector, model=model_in_use(), dimensions=len(vector or ())
    )
    return []


def _words_of(memory_ids: list[UUID]) -> dict[UUID, str]:
    rows = tellable().filter(pk__in=memory_ids).values_list("pk", "title", "text")
    words = {pk: f"{title}\n{text}".strip()[:MOST_CHARS] for pk, title, text in rows}
    return {pk: said for pk, said in words.items() if said}


def _vectors_of(words: dict[UUID, str]) -> dict[UUID, Vector]:
    if not words:
        return {}
    timeout_s = settings.OPENAI_TIMEOUT_MS / 1000
    return dict(zip(words, vectors_of(list(words.values()), timeout_s=timeout_s), strict=True))


def queue_missing() -> int:
    """Asks for the embeddings that memories lack or have of another model, and for those given
    up. Returns how many."""
    queued = leased.replay(outdated())
    lacking = Memory.objects.filter(~Exists(Embedding.objects.filter(pk=OuterRef("pk"))))
    while True:
        ids = list(lacking.order_by("pk").values_list("pk", flat=True)[:QUEUED_AT_ONCE])
        rows = [Embedding(memory_id=pk) for pk in ids]
        Embedding.objects.bulk_create(rows, ignore_conflicts=True)
        queued += len(ids)
        if len(ids) < QUEUED_AT_ONCE:
            return queued
