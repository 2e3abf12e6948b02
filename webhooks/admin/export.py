"""A delivery to take away: as a test's payload file, and as a curl command. Without secrets."""

import base64
import shlex
from urllib.parse import urlencode

import orjson

from webhooks.models import Delivery

INLINE_BYTES = 4000
MASK = "•"
# Made anew by whoever sends it.
NOT_REPEATED = frozenset(
    {"host", "content-length", "connection", "accept-encoding", "x-forwarded-for"}
)


def payload(delivery: Delivery) -> bytes:
    """`{"headers", "query", "body"}` with the body byte for byte; if it is no JSON, in base64."""
    raw = delivery.raw()
    try:
        orjson.loads(raw)
        body = b'"body": ' + raw.strip()
    except orjson.JSONDecodeError:
        body = b'"body_base64": "' + base64.b64encode(raw) + b'"'
    headers, query = orjson.dumps(delivery.headers), orjson.dumps(delivery.query)
    return b'{"headers": %b,\n"query": %b,\n%b}\n' % (headers, query, body)


def curl(delivery: Delivery, *, origin: str) -> str:
    """A masked header is left to fill in; a long body comes from the file that Raw gives."""
    provider = delivery.endpoint.provider
    query = f"?{urlencode(delivery.query)}" if delivery.query else ""
    url = f"{origin}/webhooks/{provider}/TOKEN/{query}"
    lines = [f"curl -X POST {shlex.quote(url)}"]
    for name, value in delivery.headers.items():
        if name not in NOT_REPEATED:
            said = f"<{name}>" if value.startswith(MASK) else value
            lines.append(f"-H {shlex.quote(f'{name}: {said}')}")
    raw = delivery.raw()
    inline = len(raw) <= INLINE_BYTES and _is_text(raw)
    body = shlex.quote(raw.decode()) if inline else shlex.quote(f"@{file_name(delivery)}")
    lines.append(f"--data-binary {body}")
    return " \\\n  ".join(lines)


def _is_text(raw: bytes) -> bool:
    try:
        return "\x00" not in raw.decode()
    except ValueError:
        return False


def file_name(delivery: Delivery) -> str:
    kind = delivery.content_type
    suffix = "json" if kind == "application/json" or kind.endswith("+json") else "bin"
    event = "".join(letter for letter in delivery.event if letter.isalnum() or letter in "_-")
    return f"{event or 'delivery'}-{str(delivery.pk)[-8:]}.{suffix}"
