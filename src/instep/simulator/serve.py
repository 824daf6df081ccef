"""Puts a double on a port of this machine."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.gate import CUT, App, Message, Receive, Send
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import Simulator, World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS: dict[str, type[DevRevSimulator | DatadogSimulator | ProdManagerSimulator]] = {
    "devrev": DevRevSimulator,
    "datadog": DatadogSimulator,
    "prodmanager": ProdManagerSimulator,
}


#: Seconds after which a server closes a connection that nobody uses (assumed).
IDLE = 5
#: The same where it is known: observed of ProdManager, 2.5 s still worked once, 4 s never did.
IDLES = MappingProxyType({"prodmanager": 2})


class _Protocol(H11Protocol):
    """A connection that the application can cut; plain ASGI cannot."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the application the means to cut this connection."""
        super().connection_made(transport)
        self.app = _cuttable(self.app, transport)


def _cuttable(app: Any, transport: asyncio.Transport) -> Any:
    def cut(reset: bool) -> None:  # noqa: FBT001 - the one thing that there is to say
        if reset:
            # To linger for no time at all makes the system reset the connection.
            wire = transport.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()

    async def served(scope: Message, receive: Receive, send: Send) -> None:
        await app({**scope, "extensions": {CUT: cut}}, receive, send)

    return served


class _Server(uvicorn.Server):
    """A server that leaves signals to the program around it, and says when it is up."""

    ready: asyncio.Event

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.ready.set()


@dataclass(frozen=True, slots=True)
class Served:
    """A running server; ``port`` is where it listens."""

    port: int
    _server: _Server
    _task: asyncio.Task[None]

    async def stop(self) -> None:
        """Close the port and every connection; requests that wait for a fault end with theirs."""
        self._server.should_exit = True
        for connection in [*self._server.server_state.connections]:
            connection.transport.close()
        await self._task


async def serve(app: App, port: int, host: str = "127.0.0.1", *, idle: int = IDLE) -> Served:
    """Serve ``app`` from this event loop until stopped; port 0 takes a free one.

    Connections that nobody used for ``idle`` seconds are closed.
    """
    listener = socket.create_server((host, port))
    # Without it every answer waits some 40 ms for the one before to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Without its own log configuration, uvicorn leaves the program's logging as it is.
    config = uvicorn.Config(
        app,
        http=_Protocol,
        log_level="warning",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=idle,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    server.ready = asyncio.Event()
    task = asyncio.create_task(server.serve([listener]))
    await server.ready.wait()
    return Served(listener.getsockname()[1], server, task)


def build(
    kind: str,
    *,
    incidents: int = 8,
    seed: int = 0,
    token: str | None = None,
    switches: Mapping[str, Any] = MappingProxyType({}),
) -> Simulator:
    """Make a double by name (``devrev``, ``datadog``, ``prodmanager``) in a world of its own.

    Without ``token`` every credential that is not empty is accepted. ``switches`` are more of
    the arguments that its class takes.

    Raises:
        ValueError: a switch cannot have that value.
    """
    return KINDS[kind](World(seed), token=token, incidents=incidents, **switches)
