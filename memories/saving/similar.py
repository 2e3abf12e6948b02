"""Near-duplicates are told from each other and kept: a memory points at the one it resembles."""

import unicodedata
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models.functions import Left
from rapidfuzz import fuzz, process, utils

from memories.models import Memory, MemoryKind

# Of 100. Two accounts of one conversation score above it, two of one subject below.
ALIKE = 85.0
# Below this any two texts share most of their words.
SHORTEST_CHARS = 24
# One of them may be so many times as long: a sentence of a long text is not that text again.
MOST_TIMES_LONGER = 3
MOST_COMPARED = 100
COMPARED_CHARS = 1000


def closest(memory: Memory) -> UUID | None:
    """Which of the owner's memories of about the same time it resembles most. One statement of
    bounded size, so that it can be asked under the owner's turn."""
    words = _words(memory.title, memory.text)
    # A day's summary resembles what it sums up.
    if not _is_telling(words) or memory.kind == MemoryKind.DAY_SUMMARY:
        return None
    others = {pk: other for pk, other in _around(memory).items() if _comparable(words, other)}
    best = process.extractOne(words, others, scorer=fuzz.token_set_ratio, score_cutoff=ALIKE)
    return best[2] if best else None


def flag_similar(memory_id: UUID) -> None:
    """After the words of a memory changed, in the same transaction: looks for the one that it
    resembles now, and parts it from those that it resembles no more."""
    memory = Memory.objects.get(pk=memory_id)
    words = _words(memory.title, memory.text)
    pointing = Memory.objects.filter(similar_to=memory_id)
    apart = [m.pk for m in pointing if not _are_alike(words, _words(m.title, m.text))]
    if apart:
        Memory.objects.filter(pk__in=apart).update(similar_to=None)
    found = closest(memory)
    if found != memory.similar_to_id:
        Memory.objects.filter(pk=memory_id).update(similar_to=found)


def similar_ids(memory: Memory) -> list[UUID]:
    """What to show as `similar_to`; asks the database nothing."""
    return [memory.similar_to_id] if memory.similar_to_id else []


def _words(title: str, text: str) -> str:
    told = f"{title[:COMPARED_CHARS]} {text[:COMPARED_CHARS]}"
    return utils.default_process(unicodedata.normalize("NFKC", told))


def _around(memory: Memory) -> dict[UUID, str]:
    """The owner's other memories of the same hours, without those that point at this one."""
    span = timedelta(hours=settings.MEMORY_DEDUP_HOURS)
    if not span:
        return {}
    hours = (memory.occurred_at - span, memory.occurred_at + span)
    near = Memory.objects.filter(owner_id=memory.owner_id, occurred_at__range=hours)
    texts = (Left("title", COMPARED_CHARS), Left("text", COMPARED_CHARS))
    rows = near.order_by("-occurred_at", "-id").values_list("pk", "kind", "similar_to", *texts)
    return {
        pk: _words(title, text)
        for pk, kind, points_at, title, text in rows[:MOST_COMPARED]
        if memory.pk not in (pk, points_at) and kind != MemoryKind.DAY_SUMMARY
    }


def _is_telling(words: str) -> bool:
    return len(words) >= SHORTEST_CHARS


def _comparable(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return _is_telling(shorter) and len(longer) <= MOST_TIMES_LONGER * len(shorter)


def _are_alike(one: str, other: str) -> bool:
    return _comparable(one, other) and fuzz.token_set_ratio(one, other) >= ALIKE
