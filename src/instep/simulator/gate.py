"""The one middleware before every double: reads, lets faults happen, keeps the log, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from instep.simulator import hands
from instep.simulator.peek import PREFIX, peek
from instep.simulator.trouble import refusal, spoiled
from instep.simulator.wire import Call, Reply

if TYPE_CHECKING:
    from instep.simulator.faults import Entry, Fault
    from instep.simulator.world import Simulator

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

#: The extension by which a server lets its connection be cut: called with whether to reset it.
CUT = "instep.cut"
#: Seconds between two bytes of an answer that drips.
PACE = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One ASGI connection."""

    scope: Message
    receive: Receive
    send: Send

    async def read(self) -> Call:
        """Read the whole request."""
        body, more = b"", True
        while more:
            message = await self.receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        scope = self.scope
        headers = {key.decode("latin-1"): text.decode("latin-1") for key, text in scope["headers"]}
        query = scope.get("query_string", b"").decode("latin-1")
        method, scheme = scope["method"], scope.get("scheme", "http")
        return Call(method, scope["path"], query, headers, body, scheme)

    async def begin(self, reply: Reply) -> None:
        """Send status and headers."""
        headers = [(key.encode(), value.encode("latin-1")) for key, value in reply.headers.items()]
        if reply.status != 204:
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await self.send({"type": "http.response.start", "status": reply.status, "headers": headers})

    async def part(self, body: bytes, *, more: bool = False) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def gone(self) -> None:
        """Wait until the client has gone."""
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def stays(self, seconds: float) -> bool:
        """Wait; answers whether the client is there afterwards."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone()
        except TimeoutError:
            return True
        return False

    async def cut(self, lost: Exception, *, reset: bool = False) -> None:
        """Cut the connection where there is one; in process, raise ``lost``."""
        cut = self.scope.get("extensions", {}).get(CUT)
        if cut is None:
            raise lost
        cut(reset)
        await self.gone()


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
        line = Line(scope, receive, send)
        call = await line.read()
        if call.path.startswith(PREFIX):
            reply = peek(self._service, call)
            await _deliver(line, reply, {})
            return
        faults = self._world.due(_line(call), self._service.name)
        struck: dict[str, Entry] = {fault.entry.kind: fault.entry for fault in reversed(faults)}
        if not struck.keys() & {"hang", "drop-before"}:
            await self._serve(line, call, faults, struck)
            return
        self._note(call, 0, faults)
        if "drop-before" in struck:
            await line.cut(self._world.lost(f"{_line(call)}: the request was lost"))
        await line.gone()

    async def _serve(
        self, line: Line, call: Call, faults: list[Fault], struck: Mapping[str, Entry]
    ) -> None:
        """Carry the request out, or not; then whatever happens beside it; then answer."""
        self._shift(faults)
        reply = refusal(self._service, call, struck)
        if reply is None:
            reply = spoiled(self._service, call, struck, self._service.handle(call))
        self._happen(call, faults)
        is_lost = bool(struck.keys() & {"drop-after", "reset"})
        self._note(call, 0 if is_lost else reply.status, faults)
        if "latency" in struck and not await line.stays(struck["latency"].seconds or 0):
            return
        if is_lost:
            await self._lose(line, call, reset="reset" in struck)
        else:
            await _deliver(line, reply, struck)

    def _shift(self, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.entry.kind == "skew":
                self._world.skew(fault.entry.seconds or 0)

    def _happen(self, call: Call, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.action:
                fault.action()
            elif fault.entry.kind in hands.KINDS:
                hands.act(self._service, call, fault.entry.kind)

    def _note(self, call: Call, status: int, faults: list[Fault]) -> None:
        kinds = ",".join(fault.entry.kind for fault in faults if not fault.action)
        self._world.log(self._service, call, status, kinds)

    async def _lose(self, line: Line, call: Call, *, reset: bool) -> None:
        if not reset:
            # The client sees a reply begin, of one byte, whatever the true one is.
            await line.begin(Reply(200, b"{"))
        lost = self._world.lost(f"{_line(call)}: the reply was lost")
        await line.cut(lost, reset=reset)


def _line(call: Call) -> str:
    """Spell a request as the route of a fault is compared with it."""
    query = f"?{unquote_plus(call.query)}" if call.query else ""
    return f"{call.method} {call.path}{query}"


async def _deliver(line: Line, reply: Reply, struck: Mapping[str, Entry]) -> None:
    """Send a reply, whole or byte by byte."""
    await line.begin(reply)
    if "drip" not in struck:
        await line.part(reply.body)
        return
    seconds = struck["drip"].seconds
    for at in range(len(reply.body)):
        if not await line.stays(PACE if seconds is None else seconds):
            return
        await line.part(reply.body[at : at + 1], more=True)
    await line.part(b"")
