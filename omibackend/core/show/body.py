"""UNTRUSTED bodies as coloured, indented HTML, bounded whatever their size and depth.

The JSON is read as tokens, never as objects: numbers and doubled keys stay as they were sent, the
depth costs nothing, and reading stops where the page is full.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from pygments.lexers.data import JsonLexer
from pygments.token import Error, Name, Punctuation, String, Whitespace

from omibackend.core.show.human import size

SHOWN_CHARS = 200_000
STRING_CHARS = 4000
DEEPEST_INDENT = 40
BASE64_LEAST_CHARS = 400
BASE64 = re.compile(r"(?:data:[\w/+.;=-]{1,80},)?[A-Za-z0-9+/_-]{200}")
OPENING, CLOSING = "{[", "}]"
CSS = {Name.Tag: "k", String.Double: "s"}


@dataclass(frozen=True)
class Shown:
    """`html` is safe; `hidden_bytes` of the body are not in it, folded pictures not counted."""

    html: SafeString
    kind: str
    hidden_bytes: int


def show(body: bytes, content_type: str) -> Shown:
    if b"\x00" in body[:1000] or content_type == "application/octet-stream":
        return Shown(SafeString(""), "binary, not shown", len(body))
    text = body.decode("utf-8", "replace")
    if content_type == "application/x-www-form-urlencoded":
        return _form(text)
    return _json(text) if text.lstrip().startswith(tuple(OPENING)) else _plain(text)


def _plain(text: str) -> Shown:
    hidden = len(text[SHOWN_CHARS:].encode())
    return Shown(format_html("{}", text[:SHOWN_CHARS]), "as it came", hidden)


def _form(text: str) -> Shown:
    pairs = parse_qsl(text[:SHOWN_CHARS], keep_blank_values=True)
    lines = [
        f'<span class="k">{escape(name)}</span> = <span class="s">{escape(value)}</span>'
        for name, value in pairs
    ]
    hidden = len(text[SHOWN_CHARS:].encode())
    return Shown(mark_safe("\n".join(lines)), "one field a line", hidden)  # noqa: S308 (escaped)


def _json(text: str) -> Shown:
    """Ends where the page is full, or shows the rest as it came from what is not JSON."""
    out: list[str] = []
    written = at = 0
    printer = _Printer()
    tokens = JsonLexer().get_tokens_unprocessed(text)  # type: ignore[no-untyped-call]
    for start, kind, part in tokens:
        if kind is Error or written > SHOWN_CHARS:
            break
        at = start + len(part)
        for piece, length in printer.pieces(kind, part):
            out.append(piece)
            written += length
    rest = text[at:]
    if written <= SHOWN_CHARS and rest.strip():
        out.append(escape(rest[: SHOWN_CHARS - written]))
        rest = rest[SHOWN_CHARS - written :]
    hidden = len(rest.strip().encode())
    return Shown(mark_safe("".join(out)), "shown formatted", hidden)  # noqa: S308 (escaped)


class _Printer:
    """Indents by the marks as they pass; deeper than `DEEPEST_INDENT` it stays on one line."""

    def __init__(self) -> None:
        self.depth = 0
        self.fresh = False  # the bracket was opened by the token before

    def pieces(self, kind: Any, text: str) -> Iterator[tuple[str, int]]:
        """HTML, and how much of it there is to see."""
        if kind is Punctuation:
            for mark in text:
                piece = self._mark(mark)
                yield piece, len(piece)
        elif kind is not Whitespace:
            lead = self._line() if self.fresh else ""
            self.fresh = False
            piece, length = _value(kind, text)
            yield lead + piece, len(lead) + length

    def _mark(self, mark: str) -> str:
        fresh, self.fresh = self.fresh, mark in OPENING
        if mark in CLOSING:
            self.depth = max(self.depth - 1, 0)
            return mark if fresh else self._line() + mark
        lead = self._line() if fresh else ""
        if mark in OPENING:
            self.depth += 1
        return lead + mark + {",": self._line(), ":": " "}.get(mark, "")

    def _line(self) -> str:
        return " " if self.depth > DEEPEST_INDENT else "\n" + "  " * self.depth


def _value(kind: Any, text: str) -> tuple[str, int]:
    css = CSS.get(kind)
    return _string(text, css) if css else (f'<span class="n">{escape(text)}</span>', len(text))


def _string(quoted: str, css: str) -> tuple[str, int]:
    folded = ""
    if len(quoted) > BASE64_LEAST_CHARS and BASE64.match(quoted, 1):
        quoted, folded = quoted[:25], f"… {size(len(quoted) * 3 / 4)} as base64"
    elif len(quoted) > STRING_CHARS:
        quoted, folded = quoted[:STRING_CHARS], f"… {size(len(quoted) - STRING_CHARS)} more"
    readable = quoted if folded else _readable(quoted)
    tail = f'<span class="f">{folded}</span>' if folded else ""
    return f'<span class="{css}">{escape(readable)}</span>{tail}', len(readable) + len(folded)


def _readable(quoted: str) -> str:
    r"""Letters in place of \u escapes; control characters keep theirs."""
    if "\\u" not in quoted:
        return quoted
    try:
        letters = json.dumps(json.loads(quoted, strict=False), ensure_ascii=False)
        letters.encode()
    except ValueError:  # a lone half of a pair has no letter
        return quoted
    return letters
