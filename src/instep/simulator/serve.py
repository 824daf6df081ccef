"""Puts a double on a port of this machine."""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import App, Message, Receive, ReplyLostError, Send, Simulator, World

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS: dict[str, type[DevRevSimulator | DatadogSimulator | ProdManagerSimulator]] = {
    "devrev": DevRevSimulator,
    "datadog": DatadogSimulator,
    "prodmanager": ProdManagerSimulator,
}


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
        """Close the port and every connection; hanging requests are cancelled."""
        self._server.should_exit = True
        await self._task


async def serve(app: App, port: int, host: str = "127.0.0.1") -> Served:
    """Serve ``app`` from this event loop until stopped; port 0 takes a free one."""
    listener = socket.create_server((host, port))
    # Without its own log configuration, uvicorn leaves the program's logging as it is.
    config = uvicorn.Config(
        _closing(app),
        log_level="warning",
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    server.ready = asyncio.Event()
    task = asyncio.create_task(server.serve([listener]))
    await server.ready.wait()
    return Served(listener.getsockname()[1], server, task)


def _closing(app: App) -> App:
    async def closing(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except ReplyLostError:
            # To return in the middle of a body makes the server close the connection.
            return

    return closing


def build(kind: str, *, incidents: int = 8, seed: int = 0, token: str | None = None) -> Simulator:
    """Make a double by name (``devrev``, ``datadog``, ``prodmanager``) in a world of its own.

    Without ``token`` every credential that is not empty is accepted.
    """
    return KINDS[kind](World(seed), token=token, incidents=incidents)
