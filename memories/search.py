"""Finding memories by their words, and by what these mean where a model for that is configured."""

from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, QuerySet

from memories.models import Memory
from omibackend.llm.terms import Term, terms

# Cormack, Clarke, Büttcher: Reciprocal Rank Fusion (SIGIR 2009) found it best about here.
RANK_CONSTANT = 60
# So many of each ranking are merged: what is far down in both is nobody's find.
DEPTH = 50

Ranking = Callable[[QuerySet[Memory], str, int], list[Memory]]
_rankings: list[Ranking] = []


def add_ranking(ranking: Ranking) -> None:
    """Another way to order memories by a text, merged with the order by words."""
    if ranking not in _rankings:
        _rankings.append(ranking)


def with_words(memories: QuerySet[Memory], q: str) -> QuerySet[Memory]:
    """The memories that hold what a person typed: words, "a phrase", -not, or."""
    return memories.filter(search=SearchQuery(q, config="simple", search_type="websearch"))


def search(owner_id: int, q: str, limit: int) -> list[Memory]:
    query = SearchQuery(q, config="simple", search_type="websearch")
    mine = Memory.objects.filter(owner_id=owner_id, search=query)
    return _best(mine, query, limit)


def hybrid(owner_id: int, q: str, limit: int) -> list[Memory]:
    """What a person typed, by its words and by its meaning; by words alone where no model is
    configured or none answers. It may wait for one: not inside a transaction."""
    by_words = search(owner_id, q, max(limit, DEPTH))
    return _merged(by_words, Memory.objects.filter(owner_id=owner_id), q, limit)


def matching(owner_id: int, question: str, limit: int) -> list[Memory]:
    """The memories that share a word that matters with the question, or its meaning; the closest
    first."""
    wanted = terms(question)
    if not wanted:
        return []
    mine = Memory.objects.filter(owner_id=owner_id)
    query = SearchQuery(" | ".join(map(_lexeme, wanted)), config="simple", search_type="raw")
    by_words = _best(mine.filter(search=query), query, max(limit, DEPTH) if _rankings else limit)
    return _merged(by_words, mine, question, limit)


def _lexeme(term: Term) -> str:
    return f"'{term.text}':*" if term.is_prefix else f"'{term.text}'"


def _best(memories: QuerySet[Memory], query: SearchQuery, limit: int) -> list[Memory]:
    ranked = memories.annotate(rank=SearchRank(F("search"), query))
    return list(ranked.order_by("-rank", "-occurred_at", "-id")[:limit])


def _merged(
    by_words: list[Memory], memories: QuerySet[Memory], text: str, limit: int
) -> list[Memory]:
    others = [ranking(memories, text, max(limit, DEPTH)) for ranking in _rankings]
    return fused([by_words, *others])[:limit]


def fused(rankings: Iterable[Sequence[Memory]]) -> list[Memory]:
    """By the sum of the reciprocal ranks: first what is high up in several of them."""
    found: dict[UUID, Memory] = {}
    scores: dict[UUID, float] = {}
    for ranking in rankings:
        for place, memory in enumerate(ranking, 1):
            found.setdefault(memory.pk, memory)
            scores[memory.pk] = scores.get(memory.pk, 0.0) + 1 / (RANK_CONSTANT + place)
    return sorted(found.values(), key=lambda memory: scores[memory.pk], reverse=True)
