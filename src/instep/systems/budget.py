"""How much of a service's rate limit is used, and whether instep may ask for more.

The limit is everybody's who has the same credentials; what a service counts is told by the
headers of its answers. A service without such headers holds nothing back but by a 429.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from instep.errors import Unreachable
from instep.systems.waits import LONGEST_WAIT, LONGEST_WINDOW, Quota, quota_of

#: Seconds by which a reset may be off, as it is told in whole ones.
ROUNDING = 1.0
#: A part of a path that names one record; a version of an API does not.
ID = re.compile(r"/(?!v\d+/)[^/?]*\d[^/?]*")

#: Takes in the headers of an answer, and the seconds that it asks to wait if it is a 429.
Learn = Callable[[Mapping[str, str], float | None], None]


@dataclass(frozen=True, slots=True)
class _Window:
    """What is known of one limit: ``used`` of ``limit`` requests, until it ``resets``."""

    limit: float
    used: float
    resets: float


class Budget:
    """Requests to one service, held back while its limit leaves instep nothing.

    Which of several limits counts a kind of request is known from the first answer to one.

    Args:
        system: the name that errors show.
        rate: the share of a limit (0 to 1) up to which anybody's requests leave room for ours.
        clock: gives seconds that only grow.
        sleep: waits for some of them.
    """

    def __init__(
        self,
        system: str,
        rate: float = 1.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Know nothing yet: the first answers tell."""
        self._system = system
        self.rate = rate
        self._clock = clock
        self._sleep = sleep
        self._names: dict[str, str] = {}
        self._windows: dict[str, _Window] = {}
        self._flying: Counter[str] = Counter()
        self._answered = asyncio.Event()
        self._patience = 0.0

    @asynccontextmanager
    async def room(self, asked: str, *, longest: float = LONGEST_WAIT) -> AsyncIterator[Learn]:
        """Wait for room for one request, a ``METHOD path``, and count it until it is answered.

        Raises:
            Unreachable: there is none within ``longest`` seconds; nothing was sent.
        """
        kind = ID.sub("/*", asked)
        name = await self._admit(kind, longest)
        self._flying[name] += 1
        try:
            yield partial(self._learn, kind)
        finally:
            self._leave(name)

    async def _admit(self, kind: str, longest: float) -> str:
        """Wait for room, and name the limit that counts this kind of request."""
        began = self._clock()
        while True:
            name = self._names.get(kind, "")
            until = self._held_until(name)
            if until > began + longest:
                raise self._used_up(name, until)
            if (left := until - self._clock()) > 0:
                await self._sleep(left)
            elif self._is_crowded(name):
                await self._answered.wait()
            else:
                return name

    def _leave(self, name: str) -> None:
        """Take a request out of those in flight, and let whoever waits for it look again."""
        self._flying[name] -= 1
        window = self._windows.get(name)
        if window is not None and self._is_over(window):
            # No answer, or no headers: nothing is known, and nobody has to wait to be told.
            del self._windows[name]
        self._answered.set()
        self._answered = asyncio.Event()

    def _held_until(self, name: str) -> float:
        """Tell when a request may be sent, as far as is known; what has passed is now."""
        window = self._windows.get(name)
        if window is None or window.used < self.rate * window.limit:
            return self._patience
        return max(window.resets, self._patience)

    def _is_crowded(self, name: str) -> bool:
        """Whether to wait for those in flight: their answers tell what is left.

        The first request of a new window goes alone, since others may have begun it long ago.
        """
        window, flying = self._windows.get(name), self._flying[name]
        if window is None or flying == 0:
            return False
        return self._is_over(window) or window.used + flying >= self.rate * window.limit

    def _is_over(self, window: _Window) -> bool:
        """Whether a window has ended."""
        return window.resets <= self._clock()

    def _learn(self, kind: str, headers: Mapping[str, str], wait: float | None) -> None:
        """Take in what an answer tells; a 429 that is no limit's holds everything back."""
        quota = quota_of(headers)
        if quota is not None:
            self._note(quota)
            if quota.name:
                self._names[kind] = quota.name
        if wait is not None and (quota is None or quota.used < quota.limit):
            self._patience = max(self._patience, self._clock() + min(wait, LONGEST_WINDOW))

    def _note(self, quota: Quota) -> None:
        """Keep where a limit stands; answers may come in another order than they were counted."""
        resets = self._clock() + quota.left + ROUNDING
        known, used = self._windows.get(quota.name), quota.used
        if known and not self._is_over(known) and resets <= known.resets + ROUNDING:
            used = max(used, known.used)
        self._windows[quota.name] = _Window(quota.limit, used, resets)

    def _used_up(self, name: str, until: float) -> Unreachable:
        """Make the error for a request that is not sent."""
        seconds = f"{until - self._clock():.0f} s"
        window = self._windows.get(name)
        if window is None or until <= self._patience:
            what, advice = f"it asked to be left alone for {seconds} more", "instep asks again then"
        else:
            used = f"{window.used:.0f} of {window.limit:.0f} requests are used"
            what = f"{used}, of which instep may use up to {self.rate:.0%}; it resets in {seconds}"
            advice = "`rate` decides what share of the limit instep may use; it asks again then"
        said = f"{self._system}: its rate limit is used up: {what}"
        return Unreachable(said, system=self._system, advice=advice)
