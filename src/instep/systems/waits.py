"""How long a service asks to wait, and where its rate limit stands: each says it in another way."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

#: Seconds to wait at most because a service asked for it. Asked for more, a request gives up.
LONGEST_WAIT = 30.0
#: A smaller rate limit reset is a number of seconds, a larger one a point in Unix time.
EPOCH = 1_000_000_000
#: Seconds of a window at most: what ends later is not a point in time but nonsense.
LONGEST_WINDOW = 86_400.0


@dataclass(frozen=True, slots=True)
class Quota:
    """Where a rate limit stood when a service answered, whoever made the requests.

    ``used`` of the ``limit`` requests of a window were made; it ends in ``left`` seconds.
    ``name`` tells the limits of one service apart.
    """

    limit: float
    used: float
    left: float
    name: str = ""


def quota_of(headers: Mapping[str, str]) -> Quota | None:
    """Read where the rate limit stands; ``None`` if an answer does not tell, or tells nonsense."""
    limit, left = _said(headers, "limit"), _reset(headers.get("x-ratelimit-reset"), headers)
    remaining, used = _said(headers, "remaining"), _said(headers, "used")
    if limit is None or left is None or limit <= 0 or left > LONGEST_WINDOW:
        return None
    counts = [used] if used is not None else []
    counts += [limit - remaining] if remaining is not None else []
    name = headers.get("x-ratelimit-name", "")
    return Quota(limit, max(counts), left, name) if counts else None


def wait_of(status: int, headers: Mapping[str, str], body: Any) -> float | None:
    """Read how many seconds an answer asks to wait; ``None`` if it does not ask.

    ``Retry-After`` comes first, then ``retry_after`` in the body (DevRev), then
    ``X-RateLimit-Reset``: seconds from now for Datadog, a point in time for DevRev and ProdManager.
    The last two are read only from a 429; every answer of Datadog has a reset.
    """
    if (asked := headers.get("retry-after")) is not None:
        return _retry_after(asked, headers)
    if status != 429:
        return None
    hint = body.get("retry_after") if isinstance(body, dict) else None
    return _reset(hint if hint is not None else headers.get("x-ratelimit-reset"), headers)


def _said(headers: Mapping[str, str], what: str) -> float | None:
    """Read a number that a service tells of its rate limit."""
    return _number(headers.get(f"x-ratelimit-{what}"))


def _reset(value: Any, headers: Mapping[str, str]) -> float | None:
    """Read a reset as the number of seconds until then."""
    reset = _number(value)
    if reset is not None and reset > EPOCH:
        reset -= _now(headers)
    return None if reset is None else max(reset, 0.0)


def _retry_after(text: str, headers: Mapping[str, str]) -> float | None:
    """Read a ``Retry-After`` header: a number of seconds, or a date."""
    if (seconds := _number(text)) is not None:
        return max(seconds, 0.0)
    until = _date(text)
    return None if until is None else max(until - _now(headers), 0.0)


def _now(headers: Mapping[str, str]) -> float:
    """Tell the time as the service does, whose clock need not be ours; else by our own."""
    said = _date(headers.get("date", ""))
    return time.time() if said is None else said


def _date(text: str) -> float | None:
    """Read a date of HTTP as Unix time."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    """Read a number; anything else is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
