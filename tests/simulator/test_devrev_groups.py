"""Grouping in DevRev's double: kinds of keys, totals, two levels of cursors."""

from __future__ import annotations

from typing import Any

import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.lookups import STAGE_IDS
from instep.simulator.world import World
from tests.simulator.conftest import Connect
from tests.simulator.devrev import ask, make, refusal, walk
from tests.simulator.devrev_talk import CREATE, GROUPED

ALL_KINDS = {
    *("bool", "int", "double", "string", "id", "date", "date_time"),
    *("bool_list", "int_list", "double_list", "string_list", "id_list", "date_list"),
    *("date_time_list", "tag_summary_list", "composite_list"),
    *("composite", "stage", "tag_summary"),
}


async def grouped(
    connect: Connect, double: DevRevSimulator, by: str, **more: Any
) -> list[dict[str, Any]]:
    """Group incidents; answer the groups of the first page."""
    async with connect(double) as client:
        status, data = await ask(client, "incidents.group", group_by=by, **more)
    assert status == 200, data
    groups: list[dict[str, Any]] = data["groups"]
    return groups


async def test_all_nineteen_kinds_of_keys_can_be_had(world: World, connect: Connect) -> None:
    """Each kind of field has a kind of key; whole lists have theirs where lists are grouped."""
    kinds: set[str] = set()
    for group_lists in (False, True):
        double = DevRevSimulator(world, incidents=0, group_lists=group_lists)
        async with connect(double) as client:
            await make(client, **CREATE)
        for by in GROUPED:
            kinds |= {group["key"]["type"] for group in await grouped(connect, double, by)}
    assert kinds == ALL_KINDS


async def test_an_incident_with_two_owners_is_in_two_groups(world: World, connect: Connect) -> None:
    """Totals of a list field must not be summed."""
    double = DevRevSimulator(world, incidents=0)
    double.add(owned_by=["ana@example.com", "ben@example.com"])
    groups = await grouped(connect, double, "owned_by")
    assert [group["total"] for group in groups] == [1, 1]
    assert groups[0]["incidents"] == groups[1]["incidents"]


@pytest.mark.parametrize("group_empty", [False, True])
async def test_an_incident_without_a_value_may_be_in_no_group(
    world: World, connect: Connect, group_empty: bool
) -> None:
    """Nothing tells how "no value" is grouped: in no group, or under a key without a value."""
    double = DevRevSimulator(world, incidents=0, group_empty=group_empty)
    double.add(severity=None)
    groups = await grouped(connect, double, "severity")
    assert [group["key"] for group in groups] == ([{"type": "int"}] if group_empty else [])


async def test_groups_and_their_incidents_are_paged_apart(world: World, connect: Connect) -> None:
    """The cursor pages groups; a group's own cursor is taken by no verb that is documented."""
    double = DevRevSimulator(world, incidents=40)
    async with connect(double) as client:
        body = {"group_by": "severity", "limit": 1, "limit_per_group": 2}
        pages = await walk(client, "incidents.group", "groups", **body)
        assert len(pages) == 4
        (group,) = pages[0]
        assert len(group["incidents"]) == 2 < group["total"]
        stray = await refusal(client, "incidents.group", **body, cursor=group["next_cursor"])
        assert stray == {"status": 400, "type": "bad_request"}
        pinned = {"severity": [group["key"]["value"]]}
        rest = await walk(client, "incidents.list", "incidents", **pinned)
    assert sum(map(len, rest)) == group["total"]


async def test_a_stage_key_has_only_a_name(world: World, connect: Connect) -> None:
    """A stage is grouped by name, and filtered by id."""
    double = DevRevSimulator(world)
    groups = await grouped(connect, double, "stage", stage=[STAGE_IDS["triage"]])
    assert [group["key"] for group in groups] == [{"type": "stage", "name": "triage"}]


async def test_totals_may_be_missing(world: World, connect: Connect) -> None:
    """A total is optional: without one only what came can be counted."""
    groups = await grouped(connect, DevRevSimulator(world, totals=False), "stage")
    assert groups
    assert not any("total" in group for group in groups)


async def test_the_newer_document_shows_keys_as_people_see_them(
    world: World, connect: Connect
) -> None:
    """Unknown keys in answers are normal: one says how a value is displayed."""
    groups = await grouped(connect, DevRevSimulator(world, newer=True), "stage")
    assert {group["key"]["display_value"] for group in groups} >= {"triage"}


@pytest.mark.parametrize("by", ["title", "weather", "custom_fields.tnt__rca"])
async def test_not_everything_can_be_grouped_by(world: World, connect: Connect, by: str) -> None:
    """A field that is unknown, or not filterable, is refused."""
    async with connect(DevRevSimulator(world)) as client:
        refused = await refusal(client, "incidents.group", group_by=by)
    assert (refused["status"], refused["field_name"]) == (400, "group_by")
