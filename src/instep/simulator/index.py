"""A search index that learns of writes with a delay."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Row = TypeVar("Row")


class Index(Generic[Row]):
    """The rows as they were ``lag`` seconds ago, found by key or by external reference.

    Rows must never be changed in place. ``version`` rises with every row that arrives, so
    that what was computed from the rows can be kept as long as it stands still.
    """

    def __init__(self, lag: float, reference: Callable[[Row], str | None]) -> None:
        """Start empty, ``lag`` seconds behind; ``reference`` answers a row's reference."""
        self.version = 0
        self._lag = timedelta(seconds=lag)
        self._reference = reference
        self._rows: dict[str, Row] = {}
        self._named: dict[str | None, dict[str, Row]] = {}
        self._waiting: deque[tuple[datetime, str, Row | None]] = deque()
        self._last = datetime.min.replace(tzinfo=UTC)

    def put(self, key: str, row: Row | None, at: datetime) -> None:
        """Note that ``key`` holds ``row`` since ``at``, or nothing any more for ``None``."""
        self._waiting.append((at + self._lag, key, row))

    def rows(self, now: datetime) -> dict[str, Row]:
        """Answer what the index knows at ``now``, by key, in the order first seen."""
        if now < self._last:
            self._go_back(now)
        self._last = now
        while self._waiting and self._waiting[0][0] <= now:
            _, key, row = self._waiting.popleft()
            self._learn(key, row)
        return self._rows

    def named(self, references: Iterable[str], now: datetime) -> list[Row]:
        """Answer the rows that carry one of the references at ``now``."""
        self.rows(now)
        return [row for name in references for row in self._named.get(name, {}).values()]

    def _go_back(self, now: datetime) -> None:
        """Let rows wait no longer than they would have, had the clock not jumped back."""
        jump = self._last - now
        self._waiting = deque(
            (due - jump if due > now else due, key, row) for due, key, row in self._waiting
        )

    def _learn(self, key: str, row: Row | None) -> None:
        self.version += 1
        old = self._rows.get(key)
        if old is not None:
            self._named[self._reference(old)].pop(key, None)
        if row is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = row
            self._named.setdefault(self._reference(row), {})[key] = row
