"""Memories found by what they mean. Installed only where EMBEDDINGS_MODEL is set: without it there
is no table, no extension and no import."""

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections
from django.db.models.signals import post_migrate


class SemanticConfig(AppConfig):
    name = "memories.semantic"
    label = "semantic"
    verbose_name = "Semantic search"

    def ready(self) -> None:
        from memories.search import finding
        from memories.semantic import jobs, nearest, requirements

        jobs.register()
        checks.register(requirements.check, checks.Tags.database)
        finding.add_ranking(nearest.nearest)
        post_migrate.connect(_queue_missing, sender=self, dispatch_uid="semantic")


def _queue_missing(using: str, **_: Any) -> None:
    """After a start with another model, or the first one, all memories are embedded (again)."""
    from memories.semantic import jobs
    from memories.semantic.models import Embedding

    # It may be the migration of another app, or the one that takes this back.
    if Embedding._meta.db_table in connections[using].introspection.table_names():
        jobs.queue_missing()
