"""Omi's notification API, over real HTTP, well-behaved or not."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Behaving = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    server: "Phone"

    def do_POST(self) -> None:
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        self.server.pushed.append((query["uid"][0], query["message"][0]))
        self.server.paths.append(address.path)
        self.server.keys.append(self.headers["Authorization"])
        self.server.lengths.append(self.headers["Content-Length"])
        self.server.behaving(self)

    def log_message(self, *_: object) -> None:
        pass


class Phone(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behaving: Behaving) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaving = behaving
        self.pushed: list[tuple[str, str]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        self.lengths: list[str | None] = []
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def answering(status: int) -> Behaving:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hanging(handler: Handler) -> None:
    handler.server.stopping.wait(30)


def breaking_off(handler: Handler) -> None:
    handler.connection.close()


@contextmanager
def ringing(behaving: Behaving) -> Iterator[Phone]:
    phone = Phone(behaving)
    thread = threading.Thread(target=phone.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield phone
    finally:
        phone.stopping.set()
        phone.shutdown()
        thread.join()
        phone.server_close()
