from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.llm.server import Answering, ModelServer, serving

Serve = Callable[[Answering], ModelServer]


@pytest.fixture
def serve(settings: Any) -> Iterator[Serve]:
    """A model's server that answers so, and settings that lead to it."""
    with ExitStack() as stack:

        def start(answering: Answering) -> ModelServer:
            server = stack.enter_context(serving(answering))
            settings.OPENAI_API_KEY = "sk-of-the-test"
            settings.OPENAI_BASE_URL = server.url
            settings.OPENAI_MODEL = "test-model"
            return server

        yield start
