"""Semantic search is off unless a model for it is configured, and says what it needs if it is."""

import os
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from memories.models import Memory
from memories.search.finding import fused, hybrid, search
from memories.semantic import requirements
from tests.memories.told import told

# A line of its own in the output: what the process without a model has imported of it.
IMPORTED = """
import django, sys
django.setup()
import memories.search.finding, conversations.assistant.answering, omibackend.urls
print([name for name in sys.modules if name.split(".")[0] in ("pgvector", "openai")])
"""


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=settings.BASE_DIR, env={**os.environ, **env},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.mark.django_db
def test_it_works_or_says_what_it_needs() -> None:
    """The tests of the configured state, in a process and a database of their own. Where this
    PostgreSQL has no pgvector they must end at its first migration, which names it."""
    url = urlsplit(os.environ["DATABASE_URL"])
    done = run(
        "-m", "pytest", "tests/memories/semantic", "-p", "no:cacheprovider", "--create-db",
        EMBEDDINGS_MODEL="bag", DATABASE_URL=url._replace(path=f"{url.path}_semantic").geturl(),
    )  # fmt: skip
    if requirements.is_available("default"):
        assert done.returncode == 0, done.stdout[-4000:]
    else:
        assert done.returncode != 0
        assert requirements.MISSING in done.stdout + done.stderr


@pytest.mark.django_db
def test_it_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "EXTENSION", "not_to_be_had")
    (error,) = requirements.check(databases=["default"])
    assert error.id == "semantic.E001"
    assert "pgvector" in error.msg
    assert "EMBEDDINGS_MODEL" in str(error.hint)
    with connection.schema_editor() as editor, pytest.raises(CommandError, match="pgvector"):
        requirements.demand(None, editor)


def test_it_asks_no_database_that_is_not_checked() -> None:
    assert requirements.check(databases=None) == []


def test_it_is_off_without_a_model() -> None:
    assert "memories.semantic" not in settings.INSTALLED_APPS
    done = run("-c", IMPORTED, DJANGO_SETTINGS_MODULE="omibackend.settings", EMBEDDINGS_MODEL="")
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr
    with pytest.raises(CommandError, match="EMBEDDINGS_MODEL"):
        call_command("embed_memories")


@pytest.mark.django_db
def test_it_finds_by_words_without_a_model(owner: Any) -> None:
    told(owner)
    assert hybrid(owner.pk, "venue", 10) == search(owner.pk, "venue", 10) == [Memory.objects.get()]


def test_it_merges_rankings_by_their_reciprocal_ranks() -> None:
    a, b, c, d = (Memory(title=title) for title in "abcd")
    assert fused([[a, b, c]]) == [a, b, c]
    assert fused([[a, b, c], [c, d]]) == [c, a, b, d]
    assert fused([[a, b], [b, a]]) == [a, b]
    assert fused([[], []]) == []
