"""One request to ProdManager, who makes it, and how often they may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from instep.simulator.prodmanager.text import RefusedError, dump
from instep.simulator.prodmanager.token import Caller
from instep.simulator.wire import JSON, NO_HEADERS, Call, Reply, as_html

HOUR = 3600


@dataclass(frozen=True, slots=True)
class Visit:
    """A request and its caller."""

    call: Call
    caller: Caller

    @property
    def base(self) -> str:
        """Answer the root of all links: whatever host and scheme the request claims."""
        scheme = self.call.header("x-forwarded-proto") or self.call.scheme
        return f"{scheme}://{self.call.header('host')}"

    def moved(self, path: str, status: int = 302) -> Reply:
        """Redirect; so ends every write."""
        page = as_html("Redirecting...", status)
        return Reply(status, page.body, {**page.headers, "location": self.base + path})


@dataclass(slots=True)
class Limit:
    """Counts requests in windows of an hour, each from a caller's first request.

    ``quota`` is what a token may, 0 if nobody counts; ``anonymous`` is what an address may.
    """

    quota: int
    anonymous: int
    _used: dict[str, tuple[float, int]] = field(default_factory=dict)

    def count(self, caller: Caller, now: datetime) -> Mapping[str, str]:
        """Count one request; answer the headers that tell, if anybody counts."""
        if not self.quota:
            return NO_HEADERS
        client = caller.name or "127.0.0.1"
        began, used = self._used.get(client, (0.0, 0))
        if now.timestamp() >= began + HOUR:
            began, used = now.timestamp(), 0
        self._used[client] = (began, used + 1)
        limit = self.anonymous if caller.is_anonymous else self.quota
        return {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(limit - used - 1, 0)),
            "x-ratelimit-used": str(used + 1),
            "x-ratelimit-reset": str(int(began) + HOUR),
            "x-ratelimit-client": client,
        }


def over(headers: Mapping[str, str]) -> bool:
    """Answer whether what ``count`` told is too much."""
    return int(headers.get("x-ratelimit-used", 0)) > int(headers.get("x-ratelimit-limit", 0))


def as_limited(wait: int) -> Reply:
    """Answer what over the limit is said: only a message, and the seconds to wait."""
    message = {"message": "API rate limit has been reached"}
    return as_sorted(message, 429, {"retry-after": str(wait)})


def as_sorted(data: Any, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    """Spell a JSON reply, its keys sorted."""
    return Reply(status, dump(data), {"content-type": JSON, **headers})


def refusal(call: Call, refused: RefusedError) -> Reply:
    """Spell a refusal: JSON below ``/api``, a page elsewhere."""
    if call.path.startswith("/api/"):
        return as_sorted(refused.body, refused.status)
    return as_html(str(refused), refused.status)
