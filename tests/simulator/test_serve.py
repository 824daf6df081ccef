"""Doubles on a port."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.serve import IDLE, IDLES, build, serve

HEADERS = {"authorization": "Bearer t", "x-devrev-scope": "beta"}
pytestmark = pytest.mark.asyncio


async def test_a_double_listens_until_stopped() -> None:
    """Port 0 takes a free port; after the stop nobody answers there any more."""
    double = build("datadog", incidents=2)
    server = await serve(double.app, 0)
    address = f"http://127.0.0.1:{server.port}/api/v2/incidents"
    async with httpx.AsyncClient(headers={"authorization": "Bearer t"}) as client:
        assert len((await client.get(address)).json()["data"]) == 2
        await server.stop()
        with pytest.raises(httpx.TransportError):
            await client.get(address)


@pytest.mark.parametrize("fault", ["hang", "latency", "drip"])
async def test_a_stop_ends_what_waits(
    fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A request that hangs, waits or drips does not hold up the stop, and is no error of ours."""
    double = build("devrev")
    more: dict[str, Any] = {} if fault == "hang" else {"seconds": 3600.0}
    double.world.fault("list", fault, **more)
    arrived = asyncio.Event()
    monkeypatch.setattr(double.world, "note", lambda _: arrived.set())
    server = await serve(double.app, 0)
    address = f"http://127.0.0.1:{server.port}/incidents.list"
    async with httpx.AsyncClient(headers=HEADERS) as client:
        asking = asyncio.create_task(client.get(address))
        await arrived.wait()
        await server.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            await asking
    assert caplog.records == []


async def test_serving_leaves_logging_alone() -> None:
    """The handlers that the program has set up stay as they are."""
    before = list(logging.getLogger().handlers), list(logging.getLogger("uvicorn").handlers)
    server = await serve(build("devrev", incidents=0).app, 0)
    await server.stop()
    assert (logging.getLogger().handlers, logging.getLogger("uvicorn").handlers) == before


async def test_a_port_in_use_is_an_error_at_once() -> None:
    """Two doubles cannot have one port, and the second one says so."""
    server = await serve(build("devrev", incidents=0).app, 0)
    try:
        with pytest.raises(OSError, match="in use"):
            await serve(build("datadog", incidents=0).app, server.port)
    finally:
        await server.stop()


async def test_an_idle_connection_is_closed() -> None:
    """The server closes what is not used for a while; for ProdManager that is 2 s, as observed."""
    assert (dict(IDLES), IDLE) == ({"prodmanager": 2}, 5)
    server = await serve(build("prodmanager", incidents=0).app, 0, idle=0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: double\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    await server.stop()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" not in answer.lower()


async def test_a_switch_is_an_argument_of_the_class() -> None:
    """What is set reaches the double, and what it refuses is an error."""
    double = build("datadog", switches={"allows_delete": False})
    assert isinstance(double, DatadogSimulator)
    with pytest.raises(TypeError, match="allow_delete"):
        build("datadog", switches={"allow_delete": False})
