"""UNTRUSTED bodies as coloured, indented HTML, bounded whatever their size and depth.

The JSON is read as tokens, never as objects: numbers and doubled keys stay as they were sent, the
depth costs nothing, and reading stops where the page is full.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from omibackend.core.show.human import size

SHOWN_CHARS = 200_000
STRING_CHARS = 4000
DEEPEST_INDENT = 40
BASE64_LEAST_CHARS = 400
BASE64 = re.compile(r"(?:data:[\w/+.;=-]{1,80},)?[A-Za-z0-9+/_-]{200}")
TOKEN = re.compile(
    r'\s*+(?:(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")|(?P<number>-?\d[\d.eE+-]*)'
    r"|(?P<word>true|false|null)|(?P<mark>[{}\[\],:]))",
    re.DOTALL,
)
OPENING, CLOSING = "{[", "}]"


@dataclass(frozen=True)
class Shown:
    """`html` is safe; `hidden_bytes` of the body are not in it, folded pictures not counted."""

    html: SafeString
    kind: str
    hidden_bytes: int


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    end: int


def show(body: bytes, content_type: str) -> Shown:
    if b"\x00" in body[:1000] or content_type == "application/octet-stream":
        return Shown(SafeString(""), "binary, not shown", len(body))
    text = body.decode("utf-8", "replace")
    if content_type == "application/x-www-form-urlencoded":
        return _form(text)
    tokens = _tokens(text)
    first = next(tokens, None)
    if first and first.text in ("{", "["):
        return _json(text, body)
    return _plain(text)


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


def _tokens(text: str) -> Iterator[Token]:
    """Ends at the end of the text, or at what is not JSON."""
    at = 0
    while found := TOKEN.match(text, at):
        at = found.end()
        kind = found.lastgroup or ""
        yield Token(kind, found[kind], at)


def _json(text: str, body: bytes) -> Shown:
    out: list[str] = []
    written = at = 0
    printer = _Printer()
    for token in _tokens(text):
        piece, length = printer.next(token, text)
        out.append(piece)
        written += length
        at = token.end
        if written > SHOWN_CHARS:
            break
    rest = text[at:]
    if written <= SHOWN_CHARS and rest.strip():
        out.append(escape(rest[: SHOWN_CHARS - written]))
        rest = rest[SHOWN_CHARS - written :]
    hidden = len(rest.strip().encode())
    return Shown(mark_safe("".join(out)), "shown formatted", hidden)  # noqa: S308 (escaped)


class _Printer:
    """Indents by the marks as they pass; deeper than `DEEPEST_INDENT` it stays on one line."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.fresh = False  # the bracket was opened by the token before

    def next(self, token: Token, text: str) -> tuple[str, int]:
        lead, inner = self._lead(token), self._inner(token, text)
        self._follow(token)
        return lead + inner[0], len(lead) + inner[1]

    def _lead(self, token: Token) -> str:
        if token.text in CLOSING and token.kind == "mark":
            return "" if self.fresh else self._line(len(self.open) - 1)
        return self._line(len(self.open)) if self.fresh else ""

    def _inner(self, token: Token, text: str) -> tuple[str, int]:
        if token.kind == "mark":
            tail = {",": self._line(len(self.open)), ":": " "}.get(token.text, "")
            return token.text + tail, 1 + len(tail)
        if token.kind != "string":
            return f'<span class="n">{token.text}</span>', len(token.text)
        is_key = text[token.end : token.end + 20].lstrip()[:1] == ":"
        return _string(token.text, "k" if is_key else "s")

    def _follow(self, token: Token) -> None:
        self.fresh = token.kind == "mark" and token.text in OPENING
        if self.fresh:
            self.open.append(token.text)
        elif token.kind == "mark" and token.text in CLOSING and self.open:
            self.open.pop()

    def _line(self, depth: int) -> str:
        if depth > DEEPEST_INDENT:
            return " "
        return "\n" + "  " * max(depth, 0)


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
