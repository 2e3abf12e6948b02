"""The memories whose words mean about the same as a text."""

from django.db.models import QuerySet
from pgvector.django import CosineDistance

from memories.models import Memory
from memories.semantic.models import Embedding, model_in_use
from omibackend.core.logging import logger
from omibackend.core.redis.soft_redis import Breaker
from omibackend.llm.context import ModelError
from omibackend.llm.embeddings import Vector, vectors_of

# Somebody waits for it, and has the full text's finds without it.
TIMEOUT_S = 2.0
REST_S = 30.0
MOST_CHARS = 2000
# Of the cosine: at 1 two texts have nothing to do with each other.
MOST_DISTANCE = 0.8

log = logger("semantic")
breaker = Breaker(REST_S)


def nearest(memories: "QuerySet[Memory]", text: str, limit: int) -> list[Memory]:
    """The closest first; none while the model does not answer. Not inside a transaction."""
    vector = _vector_of(text)
    if vector is None:
        return []
    near = Embedding.objects.filter(
        memory__in=memories.order_by().values("pk"),
        model=model_in_use(),
        dimensions=len(vector),
    ).annotate(distance=CosineDistance("vector", vector))
    # A limit to the distance in the statement could be tried on vectors of another length.
    ranked = near.order_by("distance", "-pk").values_list("pk", "distance")[:limit]
    ids = [pk for pk, distance in ranked if distance <= MOST_DISTANCE]
    found = memories.in_bulk(ids)
    return [found[pk] for pk in ids if pk in found]


def _vector_of(text: str) -> Vector | None:
    if not text.strip() or breaker.is_open():
        return None
    try:
        return vectors_of([text[:MOST_CHARS]], timeout_s=TIMEOUT_S)[0]
    except ModelError as error:
        breaker.trip()
        log.warning("searched by words only", exc_info=error)
        return None
