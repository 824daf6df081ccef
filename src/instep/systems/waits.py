"""How long a service asks to wait: each of the three says it in another way."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

#: A smaller rate limit reset is a number of seconds, a larger one a point in Unix time.
EPOCH = 1_000_000_000


def wait_of(status: int, headers: Mapping[str, str], body: Any) -> float | None:
    """Read how many seconds an answer asks to wait; ``None`` if it does not ask.

    ``Retry-After`` comes first, then ``retry_after`` in the body (DevRev), then
    ``X-RateLimit-Reset``: seconds from now for Datadog, a point in time for DevRev and ProdManager.
    The last two are read only from a 429; every answer of Datadog has a reset.
    """
    if (asked := headers.get("retry-after")) is not None:
        return _retry_after(asked)
    if status != 429:
        return None
    hint = body.get("retry_after") if isinstance(body, dict) else None
    reset = _number(hint if hint is not None else headers.get("x-ratelimit-reset"))
    if reset is not None and reset > EPOCH:
        reset -= time.time()
    return None if reset is None else max(reset, 0.0)


def _retry_after(text: str) -> float | None:
    """Read a ``Retry-After`` header: a number of seconds, or a date."""
    if (seconds := _number(text)) is not None:
        return max(seconds, 0.0)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    """Read a number of seconds; anything else is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
