"""Omi's developer API, over real HTTP: pages of conversations, and days on which it fails."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "omi_dev_0123456789"


def conversations(number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"conversation-{place}",
            "created_at": f"2026-10-01T10:{place % 60:02}:00Z",
            "started_at": f"2026-10-01T10:{place % 60:02}:00Z",
            "finished_at": f"2026-10-01T10:{place % 60:02}:30Z",
            "structured": {
                "title": f"Talk {place}",
                "overview": f"What was said in talk {place}.",
                "emoji": "🧠",
                "category": "other",
                "action_items": [],
                "events": [],
            },
            "language": "en",
            "source": "omi",
            "transcript_segments": [
                {
                    "id": f"segment-{place}",
                    "text": f"These are the words of talk {place}.",
                    "speaker_id": 0,
                    "speaker_name": "You",
                    "start": 0.0,
                    "end": 4.0,
                }
            ],
            "geolocation": None,
        }
        for place in range(number)
    ]


class Handler(BaseHTTPRequestHandler):
    server: "OmiApi"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if (
            address.path != "/v1/dev/user/conversations"
            or self.headers["Authorization"] != f"Bearer {KEY}"
        ):
            self._answer(401, b"{}")
            return
        offset, limit = int(query["offset"]), int(query["limit"])
        self.server.asked.append(offset)
        troubles = self.server.troubles.get(offset, [])
        if troubles:
            status, headers = troubles.pop(0)
            if status == 0:
                self.server.stopping.wait(60)
                return
            self._answer(status, b"{}", headers)
            return
        rows = self.server.rows[offset : offset + limit]
        if query.get("include_transcript") != "true":
            rows = [{**row, "transcript_segments": None} for row in rows]
        self._answer(200, json.dumps(rows).encode())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class OmiApi(ThreadingHTTPServer):
    """`troubles`: at an offset, the answers before the page is given; status 0 hangs."""

    daemon_threads = True

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.rows = rows
        self.asked: list[int] = []
        self.troubles: dict[int, list[tuple[int, dict[str, str]]]] = {}
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(rows: list[dict[str, Any]]) -> Iterator[OmiApi]:
    api = OmiApi(rows)
    thread = threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield api
    finally:
        api.stopping.set()
        api.shutdown()
        thread.join()
        api.server_close()
