"""DevRev's groups: two levels of cursors, keys of many kinds, and what no group shows."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from instep.errors import Unreachable
from instep.systems.base import Page
from instep.systems.devrev import DevRev
from tests.wire.devrev import API, CORE, INCIDENT, made
from tests.wire.helpers import sent

SINCE = "2026-02-03T09:00:00Z"
AFTER = {"type": "range", "after": "2026-02-03T08:59:30.000Z"}
BASE = {"sort_by": ["modified_date:asc"], "modified_date": AFTER, "limit": 100}
KINDS: list[dict[str, Any]] = [
    {"type": "bool", "value": True},
    {"type": "int", "value": 2},
    {"type": "double", "value": 0.5},
    {"type": "string", "value": "x"},
    {"type": "id", "value": "don:x"},
    {"type": "date", "value": "2026-02-03"},
    {"type": "date_time", "value": "2026-02-03T09:12:00Z"},
    {"type": "bool_list", "values": [True]},
    {"type": "int_list", "values": [1]},
    {"type": "double_list", "values": [0.5]},
    {"type": "string_list", "values": ["x"]},
    {"type": "id_list", "values": ["don:x"]},
    {"type": "date_list", "values": ["2026-02-03"]},
    {"type": "date_time_list", "values": ["2026-02-03T09:12:00Z"]},
    {"type": "tag_summary_list", "values": [{"tag_id": "don:t"}]},
    {"type": "composite_list", "values": []},
    {"type": "composite", "fields": {"a": {"type": "int", "value": 1}}},
    {"type": "stage", "name": "triage", "display_value": "Triage"},
    {"type": "tag_summary", "tag_id": "don:t", "name": "region"},
]


def incident(number: int, **more: Any) -> dict[str, Any]:
    """Make an incident."""
    return INCIDENT | {"id": f"{CORE}:incident/{number}"} | more


def grouped(
    router: respx.MockRouter, *pages: dict[str, Any], by: str
) -> tuple[DevRev, respx.Route]:
    """Connect to a service that answers these pages of groups."""
    route = router.post(f"{API}/incidents.group")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    return made(router, ["title"], group_by=by), route


def listing(router: respx.MockRouter, *answers: Any) -> respx.Route:
    """Answer plain listings in turn, each with one page of incidents or with a refusal."""
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [
        respx.MockResponse(json={"incidents": each})
        if isinstance(each, list)
        else respx.MockResponse(400, json=each)
        for each in answers
    ]
    return route


async def heard(system: DevRev, since: str | None = SINCE) -> list[Page]:
    """Listen to a system."""
    return [page async for page in system.changes(since)]


def numbers(pages: list[Page]) -> list[str]:
    """Name the incidents of pages by their numbers."""
    return [one.id.rpartition("/")[2] for page in pages for one in page.records]


async def test_groups_are_paged_by_the_outer_cursor(router: respx.MockRouter) -> None:
    """Of the two levels of cursors the request takes the outer one; an empty page is no end."""
    first = {"key": {"type": "int", "value": 2}, "incidents": [incident(1)], "total": 1}
    second = {"key": {"type": "int", "value": 3}, "incidents": [incident(2)], "total": 1}
    system, route = grouped(
        router,
        {"groups": [first], "next_cursor": "a"},
        {"groups": [], "next_cursor": "b"},
        {"groups": [second]},
        by="severity",
    )
    assert numbers(await heard(system)) == ["1", "2"]
    asked = BASE | {"group_by": "severity", "limit": 10, "limit_per_group": 50}
    assert [sent(route, n) for n in range(3)] == [
        asked,
        asked | {"cursor": "a"},
        asked | {"cursor": "b"},
    ]


async def test_groups_never_move_the_cursor(router: respx.MockRouter) -> None:
    """An incident without a value is in no group, so the cursor stays where a listing left it."""
    group = {"key": {"type": "int", "value": 2}, "incidents": [incident(1)]}
    system, _ = grouped(router, {"groups": [group]}, by="severity")
    assert [(page.cursor, page.complete) for page in await heard(system)] == [(SINCE, False)]


async def test_a_whole_listing_is_never_grouped(router: respx.MockRouter) -> None:
    """What groups hide is in the plain listing, which alone is complete and moves the cursor."""
    system, route = grouped(router, by="severity")
    listing(router, [incident(1), incident(2)])
    (page,) = await heard(system, None)
    assert (page.complete, page.cursor) == (True, INCIDENT["modified_date"])
    assert not route.called


async def test_an_incident_in_two_groups_is_shown_once(router: respx.MockRouter) -> None:
    """An incident with two owners is in both their groups."""
    groups = [
        {"key": {"type": "id", "value": f"don:{n}"}, "incidents": [incident(1), incident(n)]}
        for n in (2, 3)
    ]
    changed = incident(1, modified_date="2026-02-03T10:00:00Z")
    again = {"key": {"type": "id", "value": "don:4"}, "incidents": [changed]}
    system, _ = grouped(
        router, {"groups": groups, "next_cursor": "a"}, {"groups": [again]}, by="owned_by"
    )
    # What has changed between two pages is another observation.
    assert numbers(await heard(system)) == ["1", "2", "3", "1"]


@pytest.mark.parametrize("key", KINDS, ids=lambda key: key["type"])
async def test_a_key_of_any_kind_is_accepted(router: respx.MockRouter, key: dict[str, Any]) -> None:
    """All 19 kinds of keys are met with, whole and with their value left out."""
    groups = [
        {"key": key, "incidents": [incident(1)], "total": 1},
        {"key": {"type": key["type"]}, "incidents": [incident(2)], "total": 1},
    ]
    system, _ = grouped(router, {"groups": groups}, by="custom_fields.tnt__x")
    assert numbers(await heard(system)) == ["1", "2"]


@pytest.mark.parametrize(
    "group",
    [
        {"incidents": [incident(1)]},
        {"key": None, "incidents": [incident(1)]},
        {"key": {"type": "brand_new", "thing": 1}, "incidents": [incident(1)]},
        {"key": {}, "incidents": [incident(1), None, {}], "total": None},
    ],
)
async def test_a_group_of_an_unknown_shape_shows_its_incidents(
    router: respx.MockRouter, group: dict[str, Any]
) -> None:
    """How incidents without a value are shown is not documented; whatever it is, they are read."""
    system, _ = grouped(router, {"groups": [group, None]}, by="severity")
    listing(router, [incident(1)])
    assert numbers(await heard(system)) == ["1"]


@pytest.mark.parametrize(
    ("by", "key", "pinned"),
    [
        ("severity", {"type": "int", "value": 2}, {"severity": [2]}),
        ("reported_by", {"type": "int", "value": 3}, {"reported_by": [3]}),
        ("source", {"type": "int", "value": 1}, {"source": [1]}),
        ("owned_by", {"type": "id", "value": "don:7"}, {"owned_by": ["don:7"]}),
        ("created_by", {"type": "id", "value": "don:7"}, {"created_by": ["don:7"]}),
        ("applies_to_parts", {"type": "id", "value": "don:5"}, {"applies_to_parts": ["don:5"]}),
        ("subtype", {"type": "string", "value": "outage"}, {"subtype": ["outage"]}),
        (
            "identified_date",
            {"type": "date", "value": "2026-02-03"},
            {
                "identified_date": {
                    "type": "range",
                    "after": "2026-02-03T00:00:00.000Z",
                    "before": "2026-02-04T00:00:00.000Z",
                }
            },
        ),
        (
            "modified_date",
            {"type": "date_time", "value": "2026-02-03T11:00:00Z"},
            {"modified_date": AFTER | {"before": "2026-02-04T00:00:00.000Z"}},
        ),
        (
            "custom_fields.tnt__x",
            {"type": "string", "value": "eu"},
            {"custom_fields": {"tnt__x": ["eu"]}},
        ),
        (
            "custom_fields.tnt__n",
            {"type": "bool", "value": False},
            {"custom_fields": {"tnt__n": [False]}},
        ),
    ],
)
async def test_a_group_that_is_cut_is_listed_by_its_key(
    router: respx.MockRouter, by: str, key: dict[str, Any], pinned: dict[str, Any]
) -> None:
    """What no longer fits is listed with the same filters and one that pins the key."""
    group = {"key": key, "incidents": [incident(1)], "total": 3}
    system, _ = grouped(router, {"groups": [group]}, by=by)
    route = listing(router, [incident(1), incident(2), incident(3)])
    pages = await heard(system)
    assert numbers(pages) == ["1", "2", "3"]
    assert {page.cursor for page in pages} == {SINCE}
    assert sent(route) == BASE | pinned


async def test_a_group_without_a_total_is_cut_if_it_has_a_cursor(router: respx.MockRouter) -> None:
    """Totals are optional, and a group's own cursor says only that there is more."""
    group = {
        "key": {"type": "int", "value": 2},
        "incidents": [incident(1)],
        "next_cursor": "of-the-group",
    }
    system, route = grouped(router, {"groups": [group]}, by="severity")
    listing(router, [incident(1), incident(2)])
    assert numbers(await heard(system)) == ["1", "2"]
    assert route.call_count == 1


async def test_a_full_group_that_says_nothing_of_its_size_is_cut(
    router: respx.MockRouter,
) -> None:
    """Without a total and a cursor, a group with as many as were asked for may have more."""
    rows = [incident(n) for n in range(51)]
    group = {"key": {"type": "int", "value": 2}, "incidents": rows[:50]}
    system, _ = grouped(router, {"groups": [group]}, by="severity")
    listing(router, rows)
    assert len(numbers(await heard(system))) == 51


async def test_the_group_of_a_stage_is_listed_by_ids(router: respx.MockRouter) -> None:
    """A stage is grouped by name and filtered by id; several stages may have the name."""
    stages = [
        {"result": [{"id": f"{CORE}:custom_stage/40"}], "cursor": "a"},
        {"result": [{"id": f"{CORE}:custom_stage/90"}]},
    ]
    found = router.post(f"{API}/stages.custom.list")
    found.side_effect = [respx.MockResponse(json=page) for page in stages]
    group = {"key": {"type": "stage", "name": "triage"}, "incidents": [incident(1)], "total": 2}
    system, _ = grouped(router, {"groups": [group]}, by="stage")
    route = listing(router, [incident(1), incident(2)])
    assert numbers(await heard(system)) == ["1", "2"]
    # The stage of the incident that is shown counts too, though no listing knew it.
    assert sent(route)["stage"] == [f"{CORE}:custom_stage/{n}" for n in (40, 41, 90)]
    assert sent(found) == {"name": ["triage"], "limit": 100, "cursor": "a"}


async def test_stages_that_are_not_told_are_done_without(router: respx.MockRouter) -> None:
    """Where the ids of a stage's name are refused, its group is listed without them."""
    router.post(f"{API}/stages.custom.list").respond(404, json={"message": "route not found"})
    group = {"key": {"type": "stage", "name": "triage"}, "incidents": [incident(1)], "total": 2}
    system, _ = grouped(router, {"groups": [group]}, by="stage")
    route = listing(router, [incident(1), incident(2)])
    assert numbers(await heard(system)) == ["1", "2"]
    assert sent(route) == BASE


@pytest.mark.parametrize(
    ("by", "key"),
    [
        ("tags", {"type": "tag_summary", "tag_id": "don:9", "name": "region"}),
        ("stage", {"type": "stage"}),
        ("severity", {"type": "int"}),
        ("severity", {"type": "string", "value": "sev-1"}),
        ("owned_by", {"type": "id_list", "values": ["don:7"]}),
        ("identified_date", {"type": "date", "value": "someday"}),
        ("identified_date", {"type": "date", "value": "9999-12-31"}),
        ("custom_fields.tnt__x", {"type": "composite", "fields": {}}),
        ("custom_fields.tnt__x", {"type": "brand_new", "value": 1}),
    ],
)
async def test_a_key_that_cannot_be_pinned_is_listed_without(
    router: respx.MockRouter, by: str, key: dict[str, Any]
) -> None:
    """Then everything is listed once, which also shows what groups hide and moves the cursor."""
    group = {"key": key, "incidents": [incident(1)], "total": 2}
    system, groups = grouped(router, {"groups": [group, group], "next_cursor": "a"}, by=by)
    route = listing(router, [incident(1), incident(2), incident(3)])
    pages = await heard(system)
    assert numbers(pages) == ["1", "2", "3"]
    assert (pages[-1].cursor, pages[-1].complete) == (INCIDENT["modified_date"], False)
    assert sent(route) == BASE
    assert (groups.call_count, route.call_count) == (1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        [incident(1)],
        {"type": "invalid_field", "field_name": "created_by"},
    ],
    ids=["too few", "refused"],
)
async def test_a_filter_that_does_not_show_the_group_is_not_trusted(
    router: respx.MockRouter, answer: Any
) -> None:
    """Which fields can be filtered by is not documented: what is missing is listed without."""
    group = {"key": {"type": "id", "value": "don:7"}, "incidents": [incident(1)], "total": 2}
    system, _ = grouped(router, {"groups": [group]}, by="created_by")
    route = listing(router, answer, [incident(1), incident(2)])
    assert numbers(await heard(system)) == ["1", "2"]
    assert (sent(route, 0)["created_by"], sent(route, 1)) == (["don:7"], BASE)


async def test_a_field_that_cannot_be_grouped_by_is_named(router: respx.MockRouter) -> None:
    """Which fields can be grouped by is not documented: the check asks, and says what to change."""
    body = {"type": "value_not_permitted", "message": "Bad Request", "field_name": "group_by"}
    router.post(f"{API}/incidents.group").respond(400, json=body)
    listing(router, [])
    with pytest.raises(Unreachable, match="group_by") as caught:
        await made(router, group_by="impact").check()
    assert "poll" in caught.value.advice


async def test_a_check_asks_for_one_group(router: respx.MockRouter) -> None:
    """Where groups are polled, the check proves that they can be had."""
    system, route = grouped(router, {"groups": [], "next_cursor": "a"}, by="severity")
    listing(router, [])
    assert await system.check() == ()
    assert sent(route) == {"group_by": "severity", "limit": 1, "limit_per_group": 1}


async def test_an_outer_cursor_that_does_not_move_is_an_error(router: respx.MockRouter) -> None:
    """A walk of groups that would never end is given up."""
    router.post(f"{API}/incidents.group").respond(json={"groups": [], "next_cursor": "a"})
    with pytest.raises(Unreachable, match="does not move"):
        await heard(made(router, ["title"], group_by="severity"))


async def test_groups_of_an_organisation_without_date_filters(router: respx.MockRouter) -> None:
    """Where the date filter is refused, changes are listed from the latest on instead."""
    body = {"type": "invalid_field", "field_name": "modified_date"}
    route = router.post(f"{API}/incidents.group").respond(400, json=body)
    listing(router, [incident(1)], [incident(1)])
    system = made(router, ["title"], group_by="severity")
    assert [numbers(await heard(system)) for _ in range(2)] == [["1"], ["1"]]
    assert route.call_count == 1


# Census


def stage(name: str | None, total: Any) -> dict[str, Any]:
    """Make a group of a stage."""
    named = {} if name is None else {"name": name}
    counted = {} if total is None else {"total": total}
    return {"key": {"type": "stage", **named}, "incidents": [incident(1)], **counted}


async def test_a_census_counts_by_stage_in_one_walk(router: respx.MockRouter) -> None:
    """Totals are those of stages, of which an incident has one; two of one name are one word."""
    system, route = grouped(
        router,
        {"groups": [stage("triage", 3), stage("resolved", 40)], "next_cursor": "a"},
        {"groups": [stage("triage", 2), stage(None, 7), stage("canceled", 0)]},
        by="owned_by",
    )
    assert system.abilities.census == "stage"
    assert await system.census() == {"triage": 5, "resolved": 40, "canceled": 0}
    asked = {"group_by": "stage", "limit": 100, "limit_per_group": 1}
    assert [sent(route, n) for n in range(2)] == [asked, asked | {"cursor": "a"}]


async def test_without_totals_nothing_is_counted(router: respx.MockRouter) -> None:
    """Totals are optional: one group without its own makes the count worth nothing."""
    system, _ = grouped(router, {"groups": [stage("triage", 3), stage("fixing", None)]}, by="stage")
    assert await system.census() is None


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "value_not_permitted"), (404, ""), (403, "forbidden")]
)
async def test_a_service_that_does_not_group_does_not_count(
    router: respx.MockRouter, status: int, kind: str
) -> None:
    """A refusal is no trouble: there is no count, and listings do without."""
    router.post(f"{API}/incidents.group").respond(status, json={"type": kind})
    assert await made(router).census() is None
