"""These run where EMBEDDINGS_MODEL is set: `tests/memories/test_semantic.py` runs them so."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from tests.llm.embedder import embedding
from tests.llm.server import ModelServer, serving

collect_ignore_glob = [] if settings.EMBEDDINGS_MODEL else ["test_*.py"]


@pytest.fixture
def embedder(settings: Any) -> Iterator[ModelServer]:
    from memories.semantic.nearest import breaker

    breaker.reset()
    with serving(embedding) as server:
        settings.OPENAI_BASE_URL = server.url
        yield server
