"""One bench per system: a connector, the double that it speaks to, and words to try on it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import httpx

from instep.core.abilities import Abilities
from instep.core.model import NOTHING, Mark, Record, Words
from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.world import World
from instep.systems.base import System
from instep.systems.datadog import Datadog
from instep.systems.devrev import DevRev
from instep.systems.memory import Memory
from instep.systems.prodmanager import ProdManager

TOKEN = "secret-token-of-the-test"
INCIDENTS = 120
MARK = Mark("origin", "INC-12", "7h2k9qx4", "https://origin.example.com/incidents/INC-12")
#: A time limit that a hanging service reaches soon.
TIMEOUT = 0.25


@dataclass
class Bench:
    """What the suite needs to know of a system.

    ``words`` are sent to ``create`` and kept by the service as they are; ``change`` is sent to
    ``update``. ``moved`` are the paths that the service may change by itself along with that.
    ``edit`` is what a person changes in the service's own web interface, ``edited`` the path that
    shows it. ``creating``, ``updating`` and ``listing`` match the requests that do so, for faults;
    ``faults`` are the kinds that can be had, and ``repeats`` says whether reads are asked again.
    """

    system: System
    double: Any
    world: Any
    words: Words
    change: Words
    unknown: str
    creating: str
    updating: str
    listing: str
    edit: Mapping[str, Any]
    edited: tuple[str, Any]
    moved: frozenset[str] = frozenset()
    repeats: bool = True
    faults: frozenset[str] = frozenset(
        {"500-before", "500-after", "drop-after", "429", "401", "html", "hang"}
    )

    async def records(self) -> dict[str, Record]:
        """List everything, each record once."""
        return {
            record.id: record async for page in self.system.changes(None) for record in page.records
        }

    async def create(self, words: Words = NOTHING) -> Record:
        """Make a record with the mark of the tests."""
        return (await self.system.create(words or self.words, MARK)).record


def devrev(**switches: Any) -> Bench:
    """Put DevRev on the bench; ``switches`` are those of its double."""
    world = World(seed=7)
    double = DevRevSimulator(world, token=TOKEN, incidents=INCIDENTS, **switches)
    paths = [
        "title",
        "body",
        "severity",
        "stage",
        "identified_date",
        "acknowledged_date",
        "actual_close_date",
        "owned_by",
        "applies_to_parts",
        "tags",
        "custom_fields.tnt__ext_status",
    ]
    words: Words = {
        "title": "Checkout latency above 5 s",
        "body": "p95 rose at **09:12**.",
        "severity": "sev-1",
        "stage": "acknowledged",
        "identified_date": "2026-02-03T09:12:00Z",
        "owned_by": ("ana@example.com", "ben@example.com"),
        "applies_to_parts": ("Checkout",),
        "tags": ("customer-visible",),
        "custom_fields.tnt__ext_status": "monitoring",
    }
    return Bench(
        system=DevRev.connect(
            "devrev",
            paths,
            token=TOKEN,
            timeout=TIMEOUT,
            transport=httpx.ASGITransport(double.app),
        ),
        double=double,
        world=world,
        words=words,
        change={"title": "Checkout down", "severity": "sev-0"},
        unknown="don:core:dvrv-us-1:devo/SIM:incident/99999",
        creating="incidents.create",
        updating="incidents.update",
        listing="incidents.list",
        edit={"title": "Renamed by a person"},
        edited=("title", "Renamed by a person"),
        moved=frozenset({"actual_close_date"}),
    )


def datadog(**switches: Any) -> Bench:
    """Put Datadog on the bench; ``switches`` are those of its double."""
    world = World(seed=7)
    double = DatadogSimulator(world, token=TOKEN, incidents=INCIDENTS, **switches)
    paths = [
        "title",
        "fields.severity",
        "fields.state",
        "fields.summary",
        "fields.services",
        "commander",
        "customer_impact_start",
        "customer_impact_end",
        "detected",
        "resolved",
    ]
    words: Words = {
        "title": "Checkout latency above 5 s",
        "fields.severity": "SEV-2",
        "fields.state": "active",
        "fields.summary": "p95 rose at 09:12.",
        "fields.services": ("Checkout", "Search"),
        "commander": ("ana@example.com",),
    }
    return Bench(
        system=Datadog.connect(
            "datadog",
            paths,
            api_key="an-api-key",
            app_key=TOKEN,
            timeout=TIMEOUT,
            transport=httpx.ASGITransport(double.app),
        ),
        double=double,
        world=world,
        words=words,
        change={"title": "Checkout down", "fields.severity": "SEV-1", "commander": None},
        unknown="00000000-0000-4000-8000-000000000000",
        creating="POST /api/v2/incidents",
        updating="PATCH /api/v2/incidents",
        listing="GET /api/v2/incidents",
        edit={"title": "Renamed by a person"},
        edited=("title", "Renamed by a person"),
        moved=frozenset({"resolved", "detected"}),
    )


def prodmanager(timezone: str = "UTC", **switches: Any) -> Bench:
    """Put ProdManager on the bench; ``switches`` are those of its double."""
    world = World(seed=7)
    double = ProdManagerSimulator(
        world, token=TOKEN, incidents=INCIDENTS, timezone=timezone, **switches
    )
    paths = [
        "name",
        "description",
        "severity",
        "status",
        "start_impact_date",
        "investigation_date",
        "stable_date",
        "resolve_date",
        "scope",
        "service",
        "external_link",
    ]
    words: Words = {
        "name": "Checkout latency above 5 s",
        "description": "p95 rose at 09:12.",
        "severity": "high",
        "start_impact_date": "2026-02-03T09:12",
        "scope": "eu-west",
        "service": "Checkout",
    }
    return Bench(
        system=ProdManager.connect(
            "status",
            paths,
            token=TOKEN,
            url="http://status.example.com",
            timezone=timezone,
            timeout=TIMEOUT,
            transport=httpx.ASGITransport(double.app),
        ),
        double=double,
        world=world,
        words=words,
        change={"name": "Checkout down", "severity": "critical"},
        unknown="99999",
        creating="POST /api/incident/create",
        updating="/update",
        listing="GET /api/incident",
        edit={"name": "Renamed by a person"},
        edited=("name", "Renamed by a person"),
        moved=frozenset({"investigation_date", "stable_date", "resolve_date"}),
    )


class MemoryWorld:
    """The faults and the log of a memory, asked for in the words of the doubles' world."""

    def __init__(self, memory: Memory) -> None:
        """Stand beside ``memory``."""
        self._memory = memory

    @property
    def writes(self) -> int:
        """Answer how many requests wrote."""
        return self._memory.writes

    def count(self, match: str) -> int:
        """Answer how many requests there were; a memory does not tell them apart."""
        return self._memory.requests if match else 0

    def fault(self, match: str, kind: str) -> None:
        """Lose the reply of the next write: the one thing that goes wrong here."""
        self._memory.faults.lose_reply = (match, kind) == ("write", "drop-after")


class MemoryDouble:
    """The hands of a person at a memory."""

    def __init__(self, memory: Memory) -> None:
        """Stand beside ``memory``."""
        self.edit = memory.edit
        self.delete = memory.delete
        self._memory = memory

    def ids(self) -> list[str]:
        """Answer the ids held, oldest first."""
        return list(self._memory.records)


def memory(**abilities: Any) -> Bench:
    """Put a memory on the bench."""
    ticks = itertools.count(1_770_000_000.0)
    paths = ["title", "severity", "owners"]
    system = Memory("memory", lambda: next(ticks), paths, abilities=Abilities(**abilities))
    for number in range(INCIDENTS):
        system.add(title=f"Incident {number}")
    return Bench(
        system=system,
        double=MemoryDouble(system),
        world=MemoryWorld(system),
        words={"title": "Checkout down", "severity": "high", "owners": ("ana@example.com",)},
        change={"title": "Checkout latency", "severity": None},
        unknown="memory-99999",
        creating="write",
        updating="write",
        listing="list",
        edit={"title": "Renamed by a person"},
        edited=("title", "Renamed by a person"),
        faults=frozenset({"drop-after"}),
        repeats=False,
    )


#: Every system of instep, and what is not known of a service switched the other way. A new system
#: joins the suite by a line here.
BENCHES: Mapping[str, Callable[[], Bench]] = MappingProxyType(
    {
        "memory": memory,
        "memory-by-time": partial(memory, filters_by_time=True),
        "devrev": devrev,
        "devrev-other": partial(devrev, missing=400, sync_metadata="replace", transitions=False),
        "datadog": datadog,
        "datadog-other": partial(datadog, ignores_unknown=True, reopening_clears_resolved=False),
        "prodmanager": prodmanager,
        "prodmanager-other": partial(prodmanager, timezone="America/New_York", unstable_ties=True),
    }
)
