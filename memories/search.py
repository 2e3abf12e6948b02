"""Finding memories by their words."""

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, QuerySet

from memories.models import Memory
from omibackend.llm.terms import Term, terms


def with_words(memories: QuerySet[Memory], q: str) -> QuerySet[Memory]:
    """The memories that hold what a person typed: words, "a phrase", -not, or."""
    return memories.filter(search=SearchQuery(q, config="simple", search_type="websearch"))


def search(owner_id: int, q: str, limit: int) -> list[Memory]:
    query = SearchQuery(q, config="simple", search_type="websearch")
    mine = Memory.objects.filter(owner_id=owner_id, search=query)
    return _best(mine, query, limit)


def matching(owner_id: int, question: str, limit: int) -> list[Memory]:
    """The memories that share a word that matters with the question, the closest first."""
    wanted = terms(question)
    if not wanted:
        return []
    query = SearchQuery(" | ".join(map(_lexeme, wanted)), config="simple", search_type="raw")
    return _best(Memory.objects.filter(owner_id=owner_id, search=query), query, limit)


def _lexeme(term: Term) -> str:
    return f"'{term.text}':*" if term.is_prefix else f"'{term.text}'"


def _best(memories: QuerySet[Memory], query: SearchQuery, limit: int) -> list[Memory]:
    ranked = memories.annotate(rank=SearchRank(F("search"), query))
    return list(ranked.order_by("-rank", "-occurred_at", "-id")[:limit])
