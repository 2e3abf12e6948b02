import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from omibackend.llm.context import ModelError
from omibackend.llm.embeddings import vectors_of
from tests.llm.embedder import embedding, vector
from tests.llm.server import Answering, ModelServer, dripping, failing, hanging, raw, serving

Serve = Callable[[Answering], ModelServer]


@pytest.fixture
def serve(settings: Any) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(answering: Answering) -> ModelServer:
            server = stack.enter_context(serving(answering))
            settings.OPENAI_API_KEY = "sk-secret-of-the-test"
            settings.OPENAI_BASE_URL = server.url
            settings.EMBEDDINGS_MODEL = "bag"
            return server

        yield start


def data(*rows: dict[str, Any]) -> Answering:
    return raw(json.dumps({"data": rows}).encode())


def test_it_gives_a_vector_for_each_text_in_their_order(serve: Serve) -> None:
    server = serve(embedding)
    texts = ["a car", "the doctor", "a car"]
    assert vectors_of(texts, timeout_s=5) == [vector(text) for text in texts]
    assert server.asked == [{"model": "bag", "input": texts, "encoding_format": "float"}]
    assert server.keys == ["Bearer sk-secret-of-the-test"]


def test_it_asks_for_shorter_vectors_when_told(serve: Serve, settings: Any) -> None:
    server = serve(embedding)
    settings.EMBEDDINGS_DIMENSIONS = 256
    settings.OPENAI_API_KEY = ""
    vectors_of(["a car"], timeout_s=5)
    assert server.asked[0]["dimensions"] == 256
    assert server.keys == ["Bearer none"]


@pytest.mark.parametrize(
    "answering",
    [
        raw(b"<html>"),
        raw(b"{}"),
        data(),
        data({"index": 0, "embedding": [1.0]}),
        data({"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}),
        data({"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}),
        data({"index": 0, "embedding": []}, {"index": 1, "embedding": []}),
        data({"index": 0, "embedding": [0.0]}, {"index": 1, "embedding": [1.0]}),
        data({"index": 0, "embedding": [1e39]}, {"index": 1, "embedding": [1.0]}),
        data({"index": 0, "embedding": ["x"]}, {"index": 1, "embedding": [1.0]}),
        failing(500),
        failing(401),
        failing(404),
        failing(429),
    ],
)
def test_it_says_what_went_wrong_and_may_be_tried_again(serve: Serve, answering: Answering) -> None:
    serve(answering)
    with pytest.raises(ModelError) as caught:
        vectors_of(["one text", "another text"], timeout_s=5)
    assert caught.value.retryable
    assert "text" not in str(caught.value).replace("each text", "")


@pytest.mark.parametrize("answering", [hanging, dripping])
def test_it_waits_no_longer_than_it_may(serve: Serve, answering: Answering) -> None:
    serve(answering)
    with pytest.raises(ModelError, match=r"within 0\.3 s"):
        vectors_of(["one"], timeout_s=0.3)


def test_it_names_the_setting_when_nobody_is_there(settings: Any) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelError, match="OPENAI_BASE_URL"):
        vectors_of(["one"], timeout_s=5)
