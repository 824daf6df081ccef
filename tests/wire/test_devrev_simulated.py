"""DevRev against its simulator: what no source tells, switched each way."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import structlog

from instep.core.model import Words
from instep.errors import Denied, Rejected
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.world import World
from instep.systems.devrev import DevRev
from tests.wire.helpers import MARK

LONG_AGO = "2000-01-01T00:00:00Z"
INCIDENTS = 130
PATHS = [
    "title",
    "stage",
    "owned_by",
    "custom_fields.tnt__level",
    "custom_fields.tnt__review_on",
    "custom_fields.tnt__alerted_at",
    "custom_fields.tnt__channels",
]
FIELDS = [
    *("severity", "stage", "owned_by", "created_by", "applies_to_parts", "tags", "subtype"),
    *("identified_date", "modified_date", "custom_fields.tnt__region", "tnt__level"),
]
SWITCHES: list[dict[str, Any]] = [
    {},
    {"totals": False},
    {"group_lists": True},
    {"group_empty": True},
    {"empty_pages": True},
    {"max_limit": 20},
    {"max_limit": 20, "over_limit": "clamp"},
    {"date_filters": False},
    {"newer": True},
]


def meet(incidents: int = 8, switches: Any = None, **more: Any) -> tuple[DevRev, DevRevSimulator]:
    """Put the connector before a simulator with these switches."""
    double = DevRevSimulator(World(seed=7), incidents=incidents, **(switches or {}))
    transport = httpx.ASGITransport(double.app)
    return DevRev.connect("devrev", PATHS, token="tok", transport=transport, **more), double


async def listed(system: DevRev, since: str | None) -> list[str]:
    """Name what a listing shows, in its order."""
    return [one.id async for page in system.changes(since) for one in page.records]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
async def test_a_listing_of_changes_shows_what_a_whole_one_does(switches: dict[str, Any]) -> None:
    """Whatever the service's limits, pages and filters are, no incident is missed or doubled."""
    system, double = meet(INCIDENTS, switches)
    everything = await listed(system, None)
    assert sorted(everything) == sorted(double.ids())
    assert sorted(await listed(system, LONG_AGO)) == sorted(everything)
    last = [page.cursor async for page in system.changes(None)][-1]
    double.edit(double.ids()[5], title="Renamed by a person")
    assert double.ids()[5] in await listed(system, last)


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
@pytest.mark.parametrize("by", FIELDS)
async def test_groups_show_all_that_has_a_value(by: str, switches: dict[str, Any]) -> None:
    """Group by group, to the end of each: once each, and nothing that has a value is missed."""
    system, double = meet(INCIDENTS, switches, group_by=by)
    shown = await listed(system, LONG_AGO)
    name = by.removeprefix("custom_fields.")
    having = [
        raw["id"]
        for raw in double.records()
        if (raw.get("custom_fields", {}) if "__" in by else raw).get(name)
    ]
    assert set(having) <= set(shown) <= set(double.ids())
    assert len(shown) == len(set(shown))


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
async def test_a_census_counts_what_is_there(switches: dict[str, Any]) -> None:
    """Counted by stage, or not at all where groups have no totals."""
    system, double = meet(INCIDENTS, switches)
    counted = await system.census()
    stages = [raw["stage"]["stage"]["name"] for raw in double.records()]
    by_hand = {name: stages.count(name) for name in set(stages)}
    assert counted == (by_hand if switches.get("totals", True) else None)


@pytest.mark.parametrize("prefixes", [True, False])
async def test_typed_custom_fields_come_back_as_they_were_sent(prefixes: bool) -> None:
    """A label, a day, an instant and a list are kept, however the schema names its fields."""
    system, _ = meet(switches={"schema_prefixes": prefixes})
    words: Words = {
        "title": "T",
        "custom_fields.tnt__review_on": "2026-02-03",
        "custom_fields.tnt__alerted_at": "2026-02-03T09:12:00Z",
        "custom_fields.tnt__channels": ("chat", "mail"),
    }
    written = await system.create(words, MARK)
    said = system.words(written.record)
    assert {path: said[path] for path in words} == {
        **words,
        "custom_fields.tnt__alerted_at": "2026-02-03T09:12:00.000Z",
    }


@pytest.mark.parametrize("case", ["exact", "folded"])
async def test_an_owner_is_found_however_emails_are_compared(case: str) -> None:
    """Whether the filter minds the case of letters is not documented."""
    system, _ = meet(switches={"email_case": case})
    written = await system.create({"title": "T", "owned_by": ("ANA@example.com",)}, MARK)
    assert system.words(written.record)["owned_by"] == ("ana@example.com",)


async def test_a_token_that_may_not_write_sync_metadata() -> None:
    """Refused, it is told what to set; with that set, the record is made and found again."""
    system, double = meet(switches={"sync_metadata": "refuse"})
    with pytest.raises(Denied) as caught:
        await system.create({"title": "T"}, MARK)
    assert "reference:" in caught.value.advice
    place = "custom_fields.tnt__external_reference"
    system, double = meet(switches={"sync_metadata": "refuse"}, reference=place)
    assert await system.check() == ()
    written = await system.create({"title": "T"}, MARK)
    assert [one.id for one in await system.find(MARK)] == [written.record.id]
    assert written.record.id in double.ids()


async def test_a_service_that_ignores_sync_metadata() -> None:
    """The record is made, cannot be found again, and that is said."""
    system, _ = meet(switches={"sync_metadata": "ignore"})
    with structlog.testing.capture_logs() as events:
        await system.create({"title": "T"}, MARK)
    assert "mark.ignored" in [event["event"] for event in events]
    assert await system.find(MARK) == []


async def test_a_stage_that_needs_a_field_is_held() -> None:
    """A plain move is refused until the field is filled; the record stays as it was."""
    system, _ = meet(switches={"required_by_stage": True})
    written = await system.create({"title": "T"}, MARK)
    with pytest.raises(Rejected, match="tnt__rca"):
        await system.update(written.record, {"stage": "resolved"})
    assert system.words(await system.read(written.record.id))["stage"] == "triage"


async def test_comments_are_said_once_and_read_back() -> None:
    """A key makes one comment, whoever asks; changes of the incident are none."""
    system, _ = meet()
    record = (await system.create({"title": "T"}, MARK)).record
    for _ in range(2):
        await system.say(record.id, "Rolled back.", "datadog:comment:1")
    (said,) = await system.comments(record.id)
    assert (said.text, said.key, said.internal) == ("Rolled back.", "datadog:comment:1", True)


async def test_a_deleted_incident_is_gone() -> None:
    """A delete leaves nothing to read, to list or to count."""
    system, double = meet()
    record = (await system.create({"title": "T"}, MARK)).record
    await system.delete(record.id)
    assert record.id not in double.ids()
    assert record.id not in await listed(system, None)
    assert await system.find(MARK) == []
