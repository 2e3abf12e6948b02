"""Embedding memories on the lane `ai`: many in one request to the model."""

import time
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef

from memories.models import Memory
from memories.search.finding import tellable
from memories.semantic.models import Embedding, model_in_use, outdated
from omibackend.core.work import leased
from omibackend.core.work.leased import Became, WorkType, WorkTypes
from omibackend.llm.context import ModelError
from omibackend.llm.embeddings import Vector, vectors_of

AT_ONCE = 32
# Within what embedding models read of a text.
MOST_CHARS = 6000
LEASE_MARGIN_S = 30
QUEUED_AT_ONCE = 5000

Prepared = list[tuple[Embedding, Vector | None]]


def kind() -> WorkType:
    return WorkTypes.registered[Embedding]


def register() -> None:
    WorkTypes.register(
        WorkType(
            model=Embedding,
            lane="ai",
            lease_s=settings.OPENAI_TIMEOUT_MS // 1000 + LEASE_MARGIN_S,
            prepare=prepare,
            apply=apply,
        )
    )


def prepare(row: Embedding) -> Prepared:
    """Takes others that are due along: a request for many costs as much as one for one. What
    failed before goes alone, so that a text that the model refuses costs the others one try."""
    started = time.perf_counter()
    along = leased.claim(kind(), limit=AT_ONCE - 1, fresh=True) if row.attempts == 1 else []
    rows = [row, *along]
    words = _words_of([row.pk for row in rows])
    try:
        vectors = _vectors_of(words)
    except ModelError as error:
        for other in along:
            leased.fail(other, error, ms=(time.perf_counter() - started) * 1000)
        raise
    return [(row, vectors.get(row.pk)) for row in rows]


def apply(row: Embedding, prepared: Prepared) -> Became:
    """Those taken along are finished with it. A memory whose words changed meanwhile has a row
    without this lease: then nothing is written, and all are tried again."""
    for each, vector in prepared:
        Embedding.objects.filter(pk=each.pk).update(
            vector=vector, model=model_in_use(), dimensions=len(vector or ())
        )
    along = [each for each, _ in prepared if each.pk != row.pk]
    leased.finish(along, {each.pk: [] for each in along}, ms=0)
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
