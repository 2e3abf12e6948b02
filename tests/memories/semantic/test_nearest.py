"""Memories found by what they mean, together with those found by their words."""

import time
from typing import Any

import pytest

from memories.models import Memory
from memories.search.finding import hybrid, matching, search
from memories.semantic import nearest as semantic
from memories.semantic.models import Embedding
from omibackend.core.work import draining
from tests.llm.server import ModelServer, failing, hanging
from tests.memories.told import AT, HOUR, told

pytestmark = pytest.mark.django_db

TEXTS = {
    "Car": "We want to buy a red car",
    "Auto": "An automobile to purchase",
    "Lake": "The lake was cold",
    "Doctor": "A physician called",
}


@pytest.fixture
def memories(owner: Any, embedder: ModelServer) -> None:
    for number, (title, text) in enumerate(TEXTS.items()):
        told(owner, source_id=title, title=title, text=text, occurred_at=AT + number * HOUR)
    draining.drain("ai")
    embedder.asked.clear()


def titles(found: list[Memory]) -> list[str]:
    return [memory.title for memory in found]


def test_it_finds_what_means_the_same(owner: Any, memories: None) -> None:
    assert titles(search(owner.pk, "vehicle purchase", 10)) == []
    assert set(titles(hybrid(owner.pk, "vehicle purchase", 10))) == {"Auto", "Car"}
    assert titles(matching(owner.pk, "Hey Omi, when did the doctor call?", 1)) == ["Doctor"]


def test_it_puts_first_what_is_found_both_ways(owner: Any, memories: None) -> None:
    assert titles(search(owner.pk, "car", 10)) == ["Car"]
    assert titles(hybrid(owner.pk, "car", 10)) == ["Car", "Auto"]
    assert titles(hybrid(owner.pk, "car", 1)) == ["Car"]


def test_it_finds_nothing_that_has_nothing_to_do_with_it(owner: Any, memories: None) -> None:
    assert hybrid(owner.pk, "quantum chromodynamics", 10) == []
    assert hybrid(owner.pk, " ", 10) == []


def test_it_finds_only_the_owners(staff: Any, memories: None) -> None:
    assert hybrid(staff.pk, "vehicle purchase", 10) == []
    assert matching(staff.pk, "vehicle purchase", 10) == []


def test_it_compares_no_vectors_of_another_model(owner: Any, memories: None, settings: Any) -> None:
    Embedding.objects.filter(memory__title="Auto").update(dimensions=3, vector=[1.0, 2.0, 3.0])
    assert titles(hybrid(owner.pk, "vehicle purchase", 10)) == ["Car"]
    settings.EMBEDDINGS_MODEL = "another-model"
    assert hybrid(owner.pk, "vehicle purchase", 10) == []


def test_it_finds_by_words_while_the_model_fails(
    owner: Any, memories: None, embedder: ModelServer
) -> None:
    embedder.answering = failing(500)
    for _ in range(3):
        assert titles(hybrid(owner.pk, "car", 10)) == ["Car"]
    assert len(embedder.asked) == 1


def test_it_waits_for_no_model_that_hangs(
    owner: Any, memories: None, embedder: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(semantic, "TIMEOUT_S", 0.2)
    embedder.answering = hanging
    started = time.monotonic()
    assert titles(matching(owner.pk, "the car", 10)) == ["Car"]
    assert time.monotonic() - started < 10  # the server would go on for 30 s
