"""Memories become vectors in the background, and no vector outlives its words."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from memories.models import Memory
from memories.saving.writing import edit, forget
from memories.semantic import jobs
from memories.semantic.models import Embedding
from omibackend.core.work import draining, leased, registry
from omibackend.core.work.leased import State
from tests.llm.embedder import embedding, refusing, vector
from tests.llm.server import ModelServer, failing
from tests.memories.told import VENUE, tell, told

pytestmark = pytest.mark.django_db


def work() -> None:
    Embedding.objects.filter(state=State.PENDING).update(next_attempt_at=timezone.now())
    draining.drain("ai")


def vectors() -> list[Any]:
    return [
        None if v is None else list(v) for v in Embedding.objects.values_list("vector", flat=True)
    ]


def states() -> set[str]:
    return set(Embedding.objects.values_list("state", flat=True))


def test_it_embeds_in_the_background(owner: Any, embedder: ModelServer) -> None:
    memory = told(owner)
    assert embedder.asked == []
    assert Embedding.objects.get(pk=memory.pk).state == State.PENDING
    work()
    assert states() == {State.DONE}
    assert vectors() == [vector(f"{VENUE.title}\n{VENUE.text}")]
    made = Embedding.objects.get()
    assert (made.model, made.dimensions) == ("bag", len(vector("")))


def test_it_embeds_many_in_one_request(owner: Any, embedder: ModelServer) -> None:
    for number in range(jobs.AT_ONCE + 3):
        tell(owner, source_id=str(number), text=f"Number {number}")
    work()
    assert [len(asked["input"]) for asked in embedder.asked] == [jobs.AT_ONCE, 3]
    assert states() == {State.DONE}


def test_it_asks_nothing_for_a_memory_without_words(owner: Any, embedder: ModelServer) -> None:
    told(owner, title="", text=" ")
    work()
    assert (states(), vectors(), embedder.asked) == ({State.DONE}, [None], [])


def test_it_embeds_new_words_and_drops_the_old_ones_at_once(
    owner: Any, embedder: ModelServer
) -> None:
    memory = told(owner)
    work()
    edit(memory, {"text": "We buy a car."})
    assert (states(), vectors()) == ({State.PENDING}, [None])
    work()
    assert vectors() == [vector(f"{VENUE.title}\nWe buy a car.")]


def test_it_embeds_nothing_again_that_says_the_same(owner: Any, embedder: ModelServer) -> None:
    memory = told(owner)
    work()
    tell(owner)
    tell(owner, category="work")
    edit(memory, {"emoji": "🚗"})
    assert states() == {State.DONE}
    work()
    assert len(embedder.asked) == 1


def test_it_tries_again_and_harms_nothing_else(owner: Any, embedder: ModelServer) -> None:
    embedder.answering = failing(500)
    told(owner)
    told(owner, source_id="another", text="Another.")
    work()
    assert (states(), vectors()) == ({State.PENDING}, [None, None])
    assert set(Embedding.objects.values_list("attempts", flat=True)) == {1}
    assert "500" in Embedding.objects.all()[0].last_error
    embedder.answering = embedding
    work()
    assert states() == {State.DONE}


def test_it_lets_one_refused_text_hold_up_no_other(owner: Any, embedder: ModelServer) -> None:
    embedder.answering = refusing("poison")
    poison = told(owner, source_id="p", text="poison")
    for number in range(5):
        tell(owner, source_id=str(number), text=f"Number {number}")
    work()
    work()
    assert Embedding.objects.filter(state=State.DONE).count() == 5
    assert Embedding.objects.get(pk=poison.pk).state == State.PENDING


def test_it_writes_nothing_over_newer_words(owner: Any, embedder: ModelServer) -> None:
    memory = told(owner)
    (row,) = leased.claim(registry.work_types[Embedding], limit=1, fresh=True)
    vector = jobs.prepare_many([row])[row.pk]
    edit(memory, {"text": "We buy a car."})
    with pytest.raises(leased.LostLease), transaction.atomic():
        leased.finish([row], {row.pk: jobs.apply(row, vector)}, ms=0)
    assert (states(), vectors()) == ({State.PENDING}, [None])


def test_it_keeps_no_vector_of_a_deleted_memory(owner: Any, embedder: ModelServer) -> None:
    bare = replace(VENUE, action_items=(), events=())
    memories = [told(owner, bare, source_id=str(number)) for number in range(3)]
    work()
    forget(memories[:1])
    with connection.cursor() as cursor:  # also past the ORM, as while the app is switched off
        cursor.execute("DELETE FROM memories_memory WHERE id = %s", [memories[1].pk])
    assert Embedding.objects.get().pk == memories[2].pk
    owner.delete()
    assert not Embedding.objects.exists()


def embed_memories() -> str:
    out = StringIO()
    call_command("embed_memories", stdout=out)
    return out.getvalue()


def test_it_embeds_again_for_another_model(
    owner: Any, embedder: ModelServer, settings: Any
) -> None:
    told(owner)
    told(owner, source_id="another", text="Another.")
    work()
    settings.EMBEDDINGS_MODEL = "another-model"
    assert "2 of 2 memories embedded" in embed_memories()
    assert set(Embedding.objects.values_list("model", flat=True)) == {"another-model"}
    settings.EMBEDDINGS_DIMENSIONS = len(vector(""))
    assert "2 of 2 memories embedded" in embed_memories()
    assert "0 of 0 memories embedded" in embed_memories()


def test_it_takes_up_what_was_there_before_and_what_was_given_up(
    owner: Any, embedder: ModelServer
) -> None:
    told(owner)
    Embedding.objects.all().delete()
    dead = told(owner, source_id="dead", text="Another.")
    Embedding.objects.filter(pk=dead.pk).update(state=State.DEAD, attempts=7)
    assert "2 of 2 memories embedded" in embed_memories()


def test_it_says_why_it_could_not(owner: Any, embedder: ModelServer) -> None:
    embedder.answering = failing(401)
    told(owner)
    said = embed_memories()
    assert "0 of 1 memories embedded" in said
    assert "1 wait for another try: The embeddings' server answered 401." in said


def test_it_starts_over_after_a_start_with_another_model(
    owner: Any, embedder: ModelServer, settings: Any
) -> None:
    told(owner)
    work()
    call_command("migrate", verbosity=0)
    assert states() == {State.DONE}
    settings.EMBEDDINGS_MODEL = "another-model"
    call_command("migrate", verbosity=0)
    assert states() == {State.PENDING}


def test_it_can_be_taken_out_again(owner: Any) -> None:
    call_command("migrate", "semantic", "zero", verbosity=0)
    memory = told(owner)
    edit(memory, {"text": "We buy a car."})
    connection.check_constraints()  # a table with any left to check cannot be changed
    call_command("migrate", verbosity=0)
    assert Embedding.objects.get().pk == memory.pk


def test_it_shows_the_work_in_the_admin(owner: Any, staff: Any, embedder: ModelServer) -> None:
    told(owner)
    client = Client()
    client.force_login(staff)
    url = reverse("admin:semantic_embedding_changelist")
    assert "waiting" in client.get(url).content.decode()
    page = reverse("admin:semantic_embedding_change", args=[Memory.objects.get().pk])
    assert client.get(page).status_code == 200
    work()
    chosen = {"action": "embed_again", "_selected_action": [str(Memory.objects.get().pk)]}
    client.post(url, chosen)
    assert states() == {State.PENDING}
