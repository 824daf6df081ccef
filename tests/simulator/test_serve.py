"""Doubles on a port."""

from __future__ import annotations

import logging

import httpx
import pytest

from instep.simulator.serve import build, serve

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
