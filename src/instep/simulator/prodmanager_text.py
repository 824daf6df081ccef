"""How ProdManager reads what is sent to it: bodies, dates, links and text.

All of it was observed on version 0.22.0 with SQLite.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from email import message_from_bytes
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

if TYPE_CHECKING:
    from instep.simulator.wire import Call

BAD_REQUEST = "The browser (or proxy) sent a request that this server could not understand."
NOT_FOUND = "The requested URL was not found on the server."
SERVER_ERROR = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
FORBIDDEN = (
    "You don't have the permission to access the requested resource. "
    "It is either read-protected or not readable by the server."
)
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}T\d{1,2}:\d{1,2}")
LINK = re.compile(r"^[a-z]+://[^/?:]+(:[0-9]+)?(/.*?)?(\?.*)?$", re.IGNORECASE)


class RefusedError(Exception):
    """A request that the service refuses; ``body`` is an object or a bare string."""

    def __init__(self, status: int, body: Any) -> None:
        """Keep the status and the body."""
        super().__init__(str(body))
        self.status = status
        self.body = body


def failed(status: int, message: str, /, **reasons: Any) -> RefusedError:
    """Refuse with a message and, by field, the reasons."""
    return RefusedError(status, {"message": message, "reasons": reasons})


def broken() -> RefusedError:
    """Refuse with the generic 500, which plain input errors get as well."""
    return RefusedError(500, SERVER_ERROR)


def normal(text: str) -> str:
    """Trim each line on the right, make one blank line of many; only line feeds end a line."""
    lines = [line.rstrip() for line in text.split("\n")]
    kept = [line for at, line in enumerate(lines) if line or at == 0 or lines[at - 1]]
    return "\n".join(kept)


def spell(date: datetime | None) -> str | None:
    """Spell a local date to the minute; years below 1000 are not padded."""
    return f"{date.year}-{date:%m-%dT%H:%M}" if date else None


def parse(text: str) -> datetime | None:
    """Read local digits; seconds, zones and spaces are not understood."""
    if not DATE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError:
        return None


def dump(data: Any) -> bytes:
    """Spell JSON as the service does: keys sorted, nothing outside ASCII."""
    return json.dumps(data, sort_keys=True).encode()


def read_form(call: Call) -> dict[str, Any]:
    """Read the body as a flat form; of a repeated field the first one counts."""
    kind = call.header("content-type")
    plain = kind.partition(";")[0].strip().lower()
    if plain == "application/x-www-form-urlencoded":
        return _urlencoded(call.body)
    if plain == "multipart/form-data":
        return _multipart(kind, call.body)
    if plain == "application/json" or re.fullmatch(r"application/.*\+json", plain):
        return _json(call.body)
    return {}


def _json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        raise RefusedError(400, BAD_REQUEST) from None
    if data is not None and not isinstance(data, dict):
        raise broken()
    firsts = {key: _first(value) for key, value in (data or {}).items()}
    return {key: value for key, value in firsts.items() if value != []}


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _urlencoded(body: bytes) -> dict[str, str]:
    form: dict[str, str] = {}
    for pair in filter(None, body.split(b"&")):
        key, _, value = pair.replace(b"+", b" ").partition(b"=")
        form.setdefault(_text(key), _text(value))
    return form


def _text(raw: bytes) -> str:
    # Bytes that are not UTF-8 stay as percent text.
    decoded = unquote_to_bytes(raw).decode("utf-8", "surrogateescape")
    return re.sub(r"[\udc80-\udcff]", lambda m: _percent(m.group()), decoded)


def _percent(escaped: str) -> str:
    return quote_from_bytes(escaped.encode("utf-8", "surrogateescape"))


def _multipart(kind: str, body: bytes) -> dict[str, str]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    form: dict[str, str] = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        if isinstance(content, bytes):
            form.setdefault(str(name), content.decode("utf-8", "replace"))
    return form
