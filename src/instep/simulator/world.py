"""The world that the doubles live in: its clock, its chance, its faults and what it has seen."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from instep.simulator.wire import Call, Reply, as_html, as_json

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

KINDS = frozenset(
    "500-before 500-after drop-after 429 401 html garbage empty hang".split()  # noqa: SIM905
)


class ReplyLostError(ConnectionResetError):
    """The request was carried out, but its reply was lost."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request that a double has answered; ``status`` is 0 if no answer went out."""

    service: str
    method: str
    path: str
    query: str
    status: int
    is_write: bool


@dataclass(slots=True)
class Fault:
    """Something that happens once, to the ``nth`` request from now that matches."""

    match: str
    kind: str
    nth: int
    action: Callable[[], object] | None = None


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
        self._faults: list[Fault] = []

    @property
    def writes(self) -> int:
        """Answer how many requests that write were answered, refused ones too."""
        return sum(request.is_write for request in self.requests)

    def count(self, match: str = "") -> int:
        """Answer how many requests had ``match`` in their ``METHOD path``."""
        return sum(number for line, number in self.counts.items() if match in line)

    def fault(self, match: str, kind: str, nth: int = 1) -> None:
        """Let the ``nth`` request from now with ``match`` in its ``METHOD path`` fail, once.

        Kinds without effect on the record: ``500-before``, ``401``, ``429``, ``html`` (a page
        with status 200), ``empty`` (a listing without rows), ``hang`` (until the client gives
        up). Kinds after the effect: ``500-after``, ``drop-after`` (no answer), ``garbage``
        (half of the answer).
        """
        if kind not in KINDS:
            message = f"unknown fault {kind!r}"
            raise ValueError(message)
        self._faults.append(Fault(match, kind, nth))

    def after(self, match: str, action: Callable[[], object], nth: int = 1) -> None:
        """Call ``action`` once, when the ``nth`` matching request from now was carried out."""
        self._faults.append(Fault(match, "", nth, action))

    def due(self, line: str) -> list[Fault]:
        """Answer, and forget, the faults that ``line`` (a ``METHOD path``) sets off."""
        for fault in self._faults:
            fault.nth -= fault.match in line
        found = [fault for fault in self._faults if fault.nth == 0]
        self._faults = [fault for fault in self._faults if fault.nth > 0]
        return found

    def note(self, request: Request) -> None:
        """Add a request to the log."""
        self.requests.append(request)
        self.counts[f"{request.method} {request.path}"] += 1


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
        """Answer as the service does in trouble: ``500``, ``401``, ``429`` or ``empty``."""

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


class Gate:
    """The one middleware: reads the request, lets faults happen, keeps the log."""

    def __init__(self, service: Simulator) -> None:
        """Stand before ``service``."""
        self._service = service
        self._world = service.world

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; only HTTP is answered."""
        if scope["type"] != "http":
            return
        call = await _read(scope, receive)
        if call.path.startswith("/_sim/"):
            await _reply(self._peek(call), send)
            return
        faults = self._world.due(f"{call.method} {call.path}")
        kinds = {fault.kind for fault in faults}
        if "hang" in kinds:
            self._note(call, 0)
            await _hang(receive)
            return
        reply = self._answer(call, kinds)
        for fault in faults:
            if fault.action:
                fault.action()
        self._note(call, 0 if "drop-after" in kinds else reply.status)
        if "drop-after" in kinds:
            await _drop(send)
            message = f"{call.method} {call.path}: the reply was lost"
            raise self._world.lost(message)
        await _reply(reply, send)

    def _answer(self, call: Call, kinds: set[str]) -> Reply:
        service = self._service
        for kind in ("429", "401", "empty"):
            if kind in kinds:
                return service.trouble(kind, call)
        if "500-before" in kinds:
            return service.trouble("500", call)
        if "html" in kinds:
            return as_html("Checking your browser")
        reply = service.handle(call)
        if "500-after" in kinds:
            return service.trouble("500", call)
        if "garbage" in kinds:
            return Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)
        return reply

    def _note(self, call: Call, status: int) -> None:
        is_write = self._service.is_write(call)
        name = self._service.name
        self._world.note(Request(name, call.method, call.path, call.query, status, is_write))

    def _peek(self, call: Call) -> Reply:
        if call.path == "/_sim/state":
            return as_json({"service": self._service.name, "records": self._service.records()})
        if call.path == "/_sim/log":
            name = self._service.name
            log = [asdict(one) for one in self._world.requests if one.service == name]
            return as_json({"service": name, "requests": log})
        return as_json({"message": "nothing to see here"}, 404)


async def _read(scope: Message, receive: Receive) -> Call:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
    query = scope.get("query_string", b"").decode("latin-1")
    return Call(scope["method"], scope["path"], query, headers, body, scope.get("scheme", "http"))


async def _reply(reply: Reply, send: Send) -> None:
    headers = [(key.encode(), value.encode("latin-1")) for key, value in reply.headers.items()]
    if reply.status != 204:
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def _hang(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(send: Send) -> None:
    # A server that is left in the middle of a promised body has to close the connection.
    headers = [(b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
