"""What goes over the wire: one request, one reply, and how to spell both."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
HTML = "text/html; charset=utf-8"
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Call:
    """One HTTP request, wholly read; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Answer the decoded query parameters in the order sent, repeated ones too."""
        return parse_qsl(self.query, keep_blank_values=True)

    def param(self, name: str) -> str | None:
        """Answer the first query parameter of that name, or ``None``."""
        return next((value for key, value in self.pairs if key == name), None)

    def header(self, name: str) -> str:
        """Answer a header by its lower-case name; a missing one is empty."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(
    data: Any, status: int = 200, *, kind: str = JSON, headers: Mapping[str, str] = NO_HEADERS
) -> Reply:
    """Spell ``data`` as a JSON reply of the given content type."""
    return Reply(status, orjson.dumps(data), {"content-type": kind, **headers})


def as_html(text: str, status: int = 200) -> Reply:
    """Wrap ``text`` in a page, as a gateway or a web interface would."""
    page = f"<!doctype html>\n<html><body><h1>{text}</h1></body></html>\n"
    return Reply(status, page.encode(), {"content-type": HTML})


def as_object(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object from a request body; anything else is ``None``."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return data if isinstance(data, dict) else None
