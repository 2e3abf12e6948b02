from typing import ClassVar

from django.conf import settings
from django.db import models
from pgvector.django import VectorField

from memories.models import Memory
from omibackend.core.work.leased import Leased, State


class Embedding(Leased):
    """A memory's words as a vector: the work of making it, and the vector once it is made.

    PostgreSQL itself makes the row with its memory, empties it when the memory's words change,
    and deletes it with the memory (see the migration): whoever writes memories, also while this
    app is switched off, no vector outlives its words.
    """

    memory = models.OneToOneField(
        Memory,
        models.CASCADE,
        primary_key=True,
        db_column="id",
        db_constraint=False,
        related_name="embedding",
    )
    vector = VectorField(null=True)
    # What made the vector: others' cannot be compared with it.
    model = models.CharField(max_length=200, blank=True, default="", db_default="")
    dimensions = models.PositiveIntegerField(default=0, db_default=0)

    # Said in full: where the app is not installed, a type checker finds no manager otherwise.
    objects: ClassVar[models.Manager["Embedding"]] = models.Manager()

    class Meta:
        app_label = "semantic"
        ordering = ["-memory"]
        indexes = [Leased.live_index("embedding_live")]

    def __str__(self) -> str:
        return f"Embedding {str(self.pk)[-8:]}"


def model_in_use() -> str:
    name: str = settings.EMBEDDINGS_MODEL
    wanted: int = settings.EMBEDDINGS_DIMENSIONS
    return f"{name}@{wanted}"[:200] if wanted else name[:200]


def outdated() -> "models.QuerySet[Embedding]":
    """What is finished, though not as it should be: another model's, or given up."""
    finished = Embedding.objects.filter(state__in=(State.DONE, State.DEAD))
    return finished.exclude(state=State.DONE, model=model_in_use())
