"""How ProdManager reads what is sent to it: bodies, dates, links and text.

All of it was observed on version 0.22.0, but the rule for hosts, which WTForms documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email import message_from_bytes
from email.policy import HTTP
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

if TYPE_CHECKING:
    from instep.simulator.wire import Call

BAD_REQUEST = "The browser (or proxy) sent a request that this server could not understand."
NOT_FOUND = (
    "The requested URL was not found on the server. "
    "If you entered the URL manually please check your spelling and try again."
)
SERVER_ERROR = (
    "The server encountered an internal error and was unable to complete your request. "
    "Either the server is overloaded or there is an error in the application."
)
FORBIDDEN = (
    "You don't have the permission to access the requested resource. "
    "It is either read-protected or not readable by the server."
)
REQUIRED = "This field is required."
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}T\d{1,2}:\d{1,2}", re.ASCII)
LINK = re.compile(r"^[a-z]+://([^/?:]+)(:[0-9]+)?(/.*?)?(\?.*)?$", re.IGNORECASE)
LABEL = re.compile(r"(xn-|[a-z0-9_]+)(-[a-z0-9_-]+)*", re.IGNORECASE)


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


def not_found(number: str | int) -> str:
    """Answer the reason that a 404 gives."""
    return f"Resource not found : {int(number)}"


def normal(text: str) -> str:
    """Trim each line on the right, make one blank line of many; only line feeds end a line."""
    lines = [line.rstrip() for line in text.split("\n")]
    kept = [line for at, line in enumerate(lines) if line or at == 0 or lines[at - 1]]
    return "\n".join(kept)


def check_text(text: Any, *, takes_nul: bool) -> str:
    """Answer a text as it is; a number, half a character or, if not taken, NUL is a 500."""
    if not isinstance(text, str) or ("\0" in text and not takes_nul):
        raise broken()
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise broken()
    return text


def tidy(text: Any, *, takes_nul: bool) -> str | None:
    """Answer what is kept of a text that was sent; null is kept as it is."""
    return None if text is None else normal(check_text(text, takes_nul=takes_nul))


def is_link(text: str) -> bool:
    """Answer whether a text has a scheme and a host, which is no IPv6 address and names no user."""
    match = LINK.match(text)
    return match is not None and all(map(LABEL.fullmatch, _ascii(match[1]).split(".")))


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


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
    return {name: values[0] for name, values in read_lists(call).items()}


def read_lists(call: Call) -> dict[str, list[Any]]:
    """Read the body as a form, with all values of each field."""
    kind = call.header("content-type")
    plain = kind.partition(";")[0].strip().lower()
    if plain == "application/x-www-form-urlencoded":
        return _gathered(_urlencoded(call.body))
    if plain == "multipart/form-data":
        return _gathered(_multipart(kind, call.body))
    if plain == "application/json" or re.fullmatch(r"application/.*\+json", plain):
        return _json(call.body)
    return {}


def _gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, list[Any]]:
    form: dict[str, list[Any]] = {}
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def _json(body: bytes) -> dict[str, list[Any]]:
    try:
        data = json.loads(body)
    except ValueError:
        raise RefusedError(400, BAD_REQUEST) from None
    if data is not None and not isinstance(data, dict):
        raise broken()
    sent = (data or {}).items()
    lists = {key: value if isinstance(value, list) else [value] for key, value in sent}
    return {key: values for key, values in lists.items() if values}


def _urlencoded(body: bytes) -> Iterator[tuple[str, str]]:
    for pair in filter(None, body.split(b"&")):
        key, _, value = pair.replace(b"+", b" ").partition(b"=")
        yield _text(key), _text(value)


def _text(raw: bytes) -> str:
    # Bytes that are not UTF-8 stay as percent text.
    decoded = unquote_to_bytes(raw).decode("utf-8", "surrogateescape")
    return re.sub(r"[\udc80-\udcff]", lambda m: _percent(m.group()), decoded)


def _percent(escaped: str) -> str:
    return quote_from_bytes(escaped.encode("utf-8", "surrogateescape"))


def _multipart(kind: str, body: bytes) -> Iterator[tuple[str, str]]:
    message = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=HTTP)
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        if isinstance(content, bytes):
            yield str(name), content.decode("utf-8", "replace")
