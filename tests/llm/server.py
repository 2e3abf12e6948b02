"""A server that speaks chat completions, over real HTTP, and misbehaves on demand."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answering = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: "ModelServer"

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.asked.append(json.loads(self.rfile.read(length)))
        self.server.keys.append(self.headers["Authorization"])
        with suppress(ConnectionError):
            self.server.answering(self)

    def log_message(self, *_: Any) -> None:
        pass

    def send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answering = answering
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def saying(content: Any, *, usage: Any = None) -> Answering:
    """A whole completion around `content`, which is JSON unless it is text already."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    completion: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
    }
    if usage is not None:
        completion["usage"] = usage
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = json.dumps({**completion, "choices": [choice]}).encode()
    return lambda handler: handler.send(200, body)


def failing(status: int, message: str = "no") -> Answering:
    body = json.dumps({"error": {"message": message, "type": "t", "code": None}}).encode()
    return lambda handler: handler.send(status, body)


def raw(body: bytes, kind: str = "application/json") -> Answering:
    return lambda handler: handler.send(200, body, kind)


def hanging(handler: Handler) -> None:
    handler.server.stopping.wait(30)


def dripping(handler: Handler) -> None:
    """A byte of the body every now and then: each read succeeds, the answer never ends."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    _drip(handler)


def dripping_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def _drip(handler: Handler) -> None:
    until = time.monotonic() + 30
    while not handler.server.stopping.wait(0.05) and time.monotonic() < until:
        handler.wfile.write(b" ")
        handler.wfile.flush()


def knowing_objects_only(answer: Any) -> Answering:
    """Like servers that never learned `json_schema`."""

    def answering(handler: Handler) -> None:
        wanted = handler.server.asked[-1]["response_format"]["type"]
        refusal = "'response_format.type' must be 'json_object' or 'text'"
        (saying(answer) if wanted == "json_object" else failing(400, refusal))(handler)

    return answering


@contextmanager
def serving(answering: Answering) -> Iterator[ModelServer]:
    server = ModelServer(answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
