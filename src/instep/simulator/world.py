"""The world that the doubles live in: its clock, its chance, its faults and what it has seen."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from instep.simulator.faults import Entry, Fault, entries
from instep.simulator.gate import App, Gate, Message, Receive, Send
from instep.simulator.wire import Call, Reply

__all__ = [
    "App",
    "Message",
    "Receive",
    "ReplyLostError",
    "Request",
    "Send",
    "Simulator",
    "World",
]


class ReplyLostError(ConnectionResetError):
    """A request or its reply was lost; only the latter had an effect."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a double has answered.

    ``status`` is 0 if no answer went out; ``fault`` names the kinds that struck it.
    """

    service: str
    method: str
    path: str
    query: str
    status: int
    is_write: bool
    fault: str = ""


class World:
    """A clock, a seeded generator, a request log and the faults to come.

    Several doubles may share one world. ``lost`` makes the error that stands for a lost reply
    in process; a test that speaks httpx may set it to ``httpx.ReadError``. ``retry_after`` is
    what a 429 asks for, in seconds.
    """

    def __init__(self, seed: int = 0, now: Callable[[], datetime] | None = None) -> None:
        """Start with an empty log; ``now`` answers an aware datetime, by default the real one."""
        self.now = now or (lambda: datetime.now(UTC))
        self.random = random.Random(seed)
        self.requests: list[Request] = []
        self.counts: Counter[str] = Counter()
        self.lost: Callable[[str], Exception] = ReplyLostError
        self.retry_after = 1
        #: Chance and count of what people do, apart from the chance by which doubles name things.
        self.chance = random.Random(f"{seed}/people")
        self.deeds = 0
        self._jumped = timedelta()
        self._is_skewed = False
        self._seed = seed
        self._added = 0
        self._faults: list[Fault] = []

    @property
    def writes(self) -> int:
        """Answer how many requests that write were answered, refused ones too."""
        return sum(request.is_write for request in self.requests)

    def count(self, match: str = "") -> int:
        """Answer how many requests had ``match`` in their ``METHOD path``."""
        return sum(number for line, number in self.counts.items() if match in line)

    def fault(self, match: str, kind: str, nth: int | None = None, **more: Any) -> None:
        """Let requests with ``match`` in their ``METHOD /path?query`` meet a fault.

        By default the first one from now, else the ``nth``. ``more`` is what else an entry of a
        fault plan may say, in its words: ``every``, ``chance``, ``times``, ``seconds``,
        ``status``, ``form``. Kinds without effect on the record: ``429``, ``401``, ``403``,
        ``empty`` (a listing without rows), ``500-before``, ``502``, ``503``, ``html`` (a page
        with status 200), ``drop-before``, ``hang`` (until the client gives up). Kinds after the
        effect: ``500-after``, ``garbage`` (half of the answer), ``latency``, ``drip``,
        ``drop-after``, ``reset``. Kinds beside it: ``skew``, ``insert``, ``edit``, ``delete``.

        Raises:
            PlanError: there is no such fault.
        """
        said = {"route": match, "kind": kind, **more} | ({} if nth is None else {"nth": nth})
        self.plan(entries([said]))

    def plan(self, plan: Iterable[Entry], service: str = "") -> None:
        """Take on the faults of a plan, for all doubles or for one; equal seeds strike alike."""
        for entry in plan:
            self._add(Fault(entry, self._chance(), service))

    def after(self, match: str, action: Callable[[], object], nth: int = 1) -> None:
        """Call ``action`` once, when the ``nth`` matching request from now was carried out."""
        entry = Entry.model_construct(route=match, nth=nth, kind="")
        self._add(Fault(entry, self._chance(), action=action))

    def faults(self, service: str) -> list[Fault]:
        """Answer the faults that may still strike a double."""
        return [one for one in self._faults if one.service in {"", service} and not one.action]

    def clear(self, service: str = "") -> None:
        """Forget the faults to come, of all doubles or those that may strike one."""
        gone = self.faults(service) if service else [*self._faults]
        self._faults = [one for one in self._faults if one not in gone]

    def due(self, line: str, service: str = "") -> list[Fault]:
        """Answer the faults that ``line`` (a ``METHOD /path?query``) sets off."""
        found = [fault for fault in self._faults if fault.strikes(service, line)]
        self._faults = [fault for fault in self._faults if not fault.is_over]
        return found

    def skew(self, seconds: float) -> None:
        """Let the clock jump, ahead or back."""
        if not self._is_skewed:
            self._is_skewed = True
            before = self.now
            self.now = lambda: before() + self._jumped
        self._jumped += timedelta(seconds=seconds)

    def log(self, service: Simulator, call: Call, status: int, fault: str) -> None:
        """Note that a double has answered."""
        is_write = service.is_write(call)
        self.note(
            Request(service.name, call.method, call.path, call.query, status, is_write, fault)
        )

    def note(self, request: Request) -> None:
        """Add a request to the log."""
        self.requests.append(request)
        self.counts[f"{request.method} {request.path}"] += 1

    def _chance(self) -> random.Random:
        # Each fault has a chance of its own, so that one more does not move the others.
        return random.Random(f"{self._seed}/fault {self._added}")

    def _add(self, fault: Fault) -> None:
        self._added += 1
        self._faults.append(fault)


class Simulator(ABC):
    """One double: an ASGI application, and the hands of a person at its web interface."""

    name: str

    def __init__(self, world: World) -> None:
        """Join ``world``."""
        self.world = world

    @property
    def app(self) -> App:
        """Answer the ASGI application."""
        return Gate(self)

    @abstractmethod
    def handle(self, call: Call) -> Reply:
        """Answer one request as the service would."""

    @abstractmethod
    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer as the service does in trouble, in its own words.

        ``kind`` is ``empty``, ``429``, ``401``, ``403``, ``500``, ``503`` or, where the service
        has words for it, ``502``.
        """

    @abstractmethod
    def is_write(self, call: Call) -> bool:
        """Answer whether the request asks for a change."""

    @abstractmethod
    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, in the service's own read shape."""

    @abstractmethod
    def ids(self) -> list[str]:
        """Answer the ids of the incidents held, oldest first."""

    @abstractmethod
    def add(self, **values: Any) -> str:
        """Open an incident as a person would; answer its id."""

    @abstractmethod
    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Change an incident as a person would."""

    @abstractmethod
    def delete(self, record_id: str | int) -> None:
        """Delete an incident as a person would."""
