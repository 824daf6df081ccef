"""The connectors over real connections: their own transport, and a port of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from instep.core.model import Words
from instep.errors import Unreachable
from instep.simulator.serve import build, serve
from instep.systems.base import System
from instep.systems.datadog import Datadog
from instep.systems.devrev import DevRev
from instep.systems.prodmanager import ProdManager
from tests.contract.benches import MARK

TITLE = "Checkout latency above 5 s"
SYSTEMS: dict[str, tuple[Callable[[str], System], Words, str]] = {
    "devrev": (
        lambda url: DevRev.connect("devrev", ["title"], token="t", url=url),
        {"title": TITLE},
        "incidents.create",
    ),
    "datadog": (
        lambda url: Datadog.connect("datadog", ["title"], api_key="a", app_key="t", url=url),
        {"title": TITLE},
        "POST /api/v2/incidents",
    ),
    "prodmanager": (
        lambda url: ProdManager.connect("status", ["name", "service"], token="t", url=url),
        {
            "name": TITLE,
            "severity": "high",
            "start_impact_date": "2026-02-03T09:12",
            "scope": "eu-west",
            "service": "Checkout",
        },
        "POST /api/incident/create",
    ),
}


@dataclass
class Live:
    """A connector and the double that it reaches by HTTP."""

    system: System
    double: Any
    words: Words
    creating: str


@pytest.fixture(params=sorted(SYSTEMS))
async def live(request: pytest.FixtureRequest) -> AsyncIterator[Live]:
    """Serve each double in turn, and connect to it."""
    connect, words, creating = SYSTEMS[request.param]
    double = build(request.param, incidents=60)
    served = await serve(double.app, 0)
    system = connect(f"http://127.0.0.1:{served.port}")
    yield Live(system, double, words, creating)
    await system.close()
    await served.stop()


async def test_a_record_goes_there_and_back(live: Live) -> None:
    """Listing, create, find and read work over the transport that is used in earnest."""
    written = await live.system.create(live.words, MARK)
    listed = {one.id async for page in live.system.changes(None) for one in page.records}
    assert listed == set(live.double.ids())
    assert await live.system.find(MARK) == [written.record]
    assert await live.system.read(written.record.id) == written.record
    assert live.system.requests == len(live.double.world.requests)


async def test_a_connection_lost_after_a_create_is_unclear(live: Live) -> None:
    """The server closes the connection in the middle of its answer: the record is there."""
    live.double.world.fault(live.creating, "drop-after")
    with pytest.raises(Unreachable) as caught:
        await live.system.create(live.words, MARK)
    assert caught.value.unclear
    assert len(await live.system.find(MARK)) == 1
