"""No test can leave this machine, whatever it uses to try."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

AWAY = "192.0.2.1"  # reserved for documentation: nobody answers there


def test_a_connection_beyond_loopback_is_refused() -> None:
    """A plain socket cannot leave; the error is not one that a connector handles."""
    with socket.socket() as plain, pytest.raises(RuntimeError, match=AWAY):
        plain.connect((AWAY, 80))
    with socket.socket() as plain, pytest.raises(RuntimeError, match=AWAY):
        plain.connect_ex((AWAY, 80))


async def test_a_client_cannot_leave_either() -> None:
    """The client that the connectors use is refused as well, by address and by name."""
    async with aiohttp.ClientSession() as client:
        for host in (AWAY, "incidents.example.com"):
            with pytest.raises(RuntimeError, match=host):
                await client.get(f"http://{host}/")


async def test_this_machine_can_be_reached() -> None:
    """Servers that a test starts on loopback are reachable, by address and by name."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        for host in ("127.0.0.1", "localhost"):
            _, writer = await asyncio.open_connection(host, server.sockets[0].getsockname()[1])
            writer.close()
            await writer.wait_closed()
