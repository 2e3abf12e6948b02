"""Finding memories by their words, and by what these mean where a model for that is configured."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import BooleanField, F, Func, QuerySet, Value

from memories.models import Memory
from omibackend.llm.terms import Term, terms

# Among so many of the newest a page of what is common is found.
FIRST_WALKED = 500
MOST_WALKED = 4000
# Ranking reads every hit, and a common word hits every second memory: only the newest are ranked.
MOST_RANKED = 1000
# Of each word of a question, so that a common one does not crowd out what a rare one finds.
MOST_RANKED_OF_A_TERM = 50
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


class OwnerQuery(SearchQuery):
    """Finds what `OwnerLexeme` marks."""

    template = "%(expressions)s::tsquery"

    def __init__(self, owner_id: int) -> None:
        super().__init__(f"'owner {owner_id}'")


def newest_hits(
    memories: QuerySet[Memory], q: str, beyond: Any, most: int, *, owner_id: int
) -> list[Memory]:
    """A page of what is searched among an owner's memories, which costs little whether nearly all
    hold the words or nearly none. PostgreSQL would choose by an estimate, which is far off for
    phrases and where many people's memories lie beside each other.

    What many hold is found among the newest. What few hold the index of words knows, and the few
    are sorted.
    """
    memories = memories.filter(beyond)
    mine = Memory.objects.filter(beyond, owner_id=owner_id)
    if not memories.query.standard_ordering:
        mine = mine.reverse()
    walked: int | None = FIRST_WALKED
    while walked:
        edge = mine.values_list("occurred_at", flat=True)[walked : walked + 1].first()
        found = list(_read_one_by_one(memories, q, edge)[:most])
        if edge is None or len(found) == most:
            return found
        walked = _further(walked, len(found), most)
    # A sum, so that nothing but the index of words helps.
    by_time = (F("occurred_at") + Value(timedelta(0))).desc()
    hits = with_words(memories, q).filter(search=OwnerQuery(owner_id)).order_by(by_time, "-id")
    return list((hits if memories.query.standard_ordering else hits.reverse())[:most])


def _read_one_by_one(memories: QuerySet[Memory], q: str, edge: Any) -> QuerySet[Memory]:
    """The hits as far as the edge, in order. A function, unlike the operator that stands for it,
    is no reason to go to the index of words."""
    query = SearchQuery(q, config="simple", search_type="websearch")
    holds = Func(F("search"), query, function="ts_match_vq", output_field=BooleanField())
    if edge is None:
        return memories.filter(holds)
    side = "occurred_at__gte" if memories.query.standard_ordering else "occurred_at__lte"
    return memories.filter(holds, **{side: edge})


def _further(walked: int, found: int, most: int) -> int | None:
    """How far a page would reach if hits stay as frequent; None if that is too far, or was
    wrong once."""
    if walked > FIRST_WALKED or not found:
        return None
    wanted = walked * most * 3 // (found * 2)
    return wanted if wanted <= MOST_WALKED else None


def narrowed(memories: QuerySet[Memory], criteria: Mapping[str, Any]) -> QuerySet[Memory]:
    """By `q`, `category`, times and marks, as far as they are given."""
    plain = {
        "category": criteria.get("category") or None,
        "occurred_at__gte": criteria.get("occurred_after"),
        "occurred_at__lt": criteria.get("occurred_before"),
        "pinned": criteria.get("pinned"),
        "private": criteria.get("private"),
        "wrong": criteria.get("wrong"),
    }
    found = memories.filter(**{name: value for name, value in plain.items() if value is not None})
    return with_words(found, criteria["q"]) if criteria.get("q") else found


def search(owner_id: int, q: str, limit: int) -> list[Memory]:
    query = SearchQuery(q, config="simple", search_type="websearch")
    hits = _newest(owner_id, query, MOST_RANKED)
    return _best(Memory.objects.filter(pk__in=hits), query, limit)


def hybrid(owner_id: int, q: str, limit: int) -> list[Memory]:
    """What a person typed, by its words and by its meaning; by words alone where no model is
    configured or none answers. It may wait for one: not inside a transaction."""
    by_words = search(owner_id, q, max(limit, DEPTH))
    return _merged(by_words, Memory.objects.filter(owner_id=owner_id), q, limit)


def matching(owner_id: int, question: str, limit: int) -> list[Memory]:
    """The memories that share a word that matters with the question, or its meaning, the closest
    first: what a model is told. Private and wrong ones are not."""
    wanted = [_lexeme(term) for term in terms(question)]
    if not wanted:
        return []
    hits = [
        _newest(owner_id, _raw(lexeme), MOST_RANKED_OF_A_TERM, private=False, wrong=False)
        for lexeme in wanted
    ]
    found = Memory.objects.filter(pk__in=hits[0].union(*hits[1:]) if hits[1:] else hits[0])
    depth = max(limit, DEPTH) if _rankings else limit
    by_words = _best(found, _raw(" | ".join(wanted)), depth)
    return _merged(by_words, tellable().filter(owner_id=owner_id), question, limit)


def tellable() -> QuerySet[Memory]:
    """What may be told to a model, in an answer or to be embedded."""
    return Memory.objects.filter(private=False, wrong=False)


def _raw(words: str) -> SearchQuery:
    return SearchQuery(words, config="simple", search_type="raw")


def _lexeme(term: Term) -> str:
    return f"'{term.text}':*" if term.is_prefix else f"'{term.text}'"


def _newest(owner_id: int, query: SearchQuery, most: int, **also: bool) -> QuerySet[Any]:
    mine = Memory.objects.filter(owner_id=owner_id, search=query, **also)
    mine = mine.filter(search=OwnerQuery(owner_id))
    return mine.order_by("-occurred_at", "-id").values("pk")[:most]


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
