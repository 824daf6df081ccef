"""Datadog polled by what is open: the watched are read, and the search gives hints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import respx

from instep.errors import Denied
from instep.systems.base import Page
from instep.systems.datadog import Datadog
from tests.wire.datadog import API, answer_list, incident, made

SEARCH = f"{API}/api/v2/incidents/search"
SINCE = "2026-02-16T10:00:00.000000Z"
UNMARKED: Mapping[str, Any] = {"external_reference": {"type": "textarray", "value": None}}
PATHS = ["title", "fields.state", "customer_impact_scope", "detected"]
GONE = {"errors": ["incident not found"]}


def id_of(number: int) -> str:
    """Give the id of an incident by its number."""
    return str(incident(number)["id"])


def answer_gets(router: respx.MockRouter, *raws: dict[str, Any]) -> list[respx.Route]:
    """Answer reads of incidents."""
    return [
        router.get(f"{API}/api/v2/incidents/{raw['id']}").respond(json={"data": raw})
        for raw in raws
    ]


def found(*numbers: int, total: int | None = None, at: str = "09:47:36") -> dict[str, Any]:
    """Spell a search's answer: its own envelope, times cut, ``""`` for null, facets."""
    rows = []
    for number in numbers:
        raw = incident(number, title="as the search has it", customer_impact_scope="")
        raw["attributes"]["modified"] = f"2026-02-16T{at}+00:00"
        rows.append(raw)
    facets = {
        "state": [{"name": "active", "count": 2}],
        "customer_impacted": [{"name": 0, "count": 5}, {"name": True, "count": 0}],
        "time_to_resolve": [{"name": "time_to_resolve", "aggregates": {"min": None}}],
        "fields": [{"name": "slug", "facets": [{"name": f"IR-{n}", "count": 1}]} for n in numbers],
    }
    about = {
        "total": len(numbers) if total is None else total,
        "facets": facets,
        "incidents": [{"data": row} for row in rows],
    }
    return {
        "data": {"type": "incidents_search_results", "attributes": about},
        "included": rows,
        "meta": {"pagination": {"offset": 0, "next_offset": 100, "size": len(rows)}},
    }


def answer_search(router: respx.MockRouter, *answers: dict[str, Any]) -> respx.Route:
    """Answer searches, one after the other."""
    route = router.get(SEARCH)
    route.side_effect = [httpx.Response(200, json=answer) for answer in answers]
    return route


def by_open(router: respx.MockRouter, **more: Any) -> Datadog:
    """Connect, to look at what is open."""
    return made(router, PATHS, by_open=True, **more)


async def pages(system: Datadog, *watch: str) -> list[Page]:
    """Look at what is open."""
    return [page async for page in system.changes(SINCE, watch)]


def shown(pages: list[Page]) -> list[str]:
    """Name the records of pages."""
    return [record.display for page in pages for record in page.records]


async def test_the_watched_are_read_one_by_one(router: respx.MockRouter) -> None:
    """Without a filter by time, open incidents are read directly; no such page is complete."""
    answer_gets(router, incident(1), incident(2))
    answer_search(router, found())
    system = by_open(router)
    assert system.abilities.hints
    assert not system.abilities.filters_by_time
    answered = await pages(system, id_of(1), id_of(2))
    assert shown(answered) == ["IR-1", "IR-2"]
    assert {(page.complete, page.cursor) for page in answered} == {(False, None)}


async def test_the_watched_come_in_pages(router: respx.MockRouter) -> None:
    """However many are watched, only some are asked for at once."""
    raws = [incident(number) for number in range(1, 46)]
    answer_gets(router, *raws)
    answer_search(router, found())
    answered = await pages(by_open(router), *(raw["id"] for raw in raws))
    assert [len(page.records) for page in answered] == [20, 20, 5]


async def test_what_is_gone_or_private_now_is_left_out(router: respx.MockRouter) -> None:
    """Neither is concluded from here: a whole listing puts such a record in doubt."""
    answer_gets(router, incident(1), incident(3, visibility="private", fields=dict(UNMARKED)))
    router.get(f"{API}/api/v2/incidents/{id_of(2)}").respond(404, json=GONE)
    answer_search(router, found())
    assert shown(await pages(by_open(router), id_of(1), id_of(2), id_of(3))) == ["IR-1"]


async def test_a_key_that_is_refused_stops_all(router: respx.MockRouter) -> None:
    """403 is no answer about one record."""
    answer_search(router, found())
    router.get(f"{API}/api/v2/incidents/{id_of(1)}").respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Denied):
        await pages(by_open(router), id_of(1))


async def test_the_search_is_asked_for_open_incidents(router: respx.MockRouter) -> None:
    """As recorded, states by name, newest first, a hundred at most."""
    route = answer_search(router, found())
    await pages(by_open(router))
    assert dict(route.calls.last.request.url.params) == {
        "query": "state:(active OR stable)",
        "sort": "-created",
        "page[size]": "100",
        "page[offset]": "0",
    }


async def test_what_the_search_shows_is_confirmed_by_a_read(router: respx.MockRouter) -> None:
    """Its rows are second-precision, behind and spelled otherwise: only their ids are taken."""
    system = by_open(router)
    answer_gets(router, incident(5, customer_impact_scope=None))
    answer_search(router, found(5))
    ((record,),) = [page.records for page in await pages(system)]
    words = system.words(record)
    assert words["title"] == "Checkout latency"
    assert words["customer_impact_scope"] is None
    assert words["detected"] == "2026-02-16T09:47:35.502740+00:00"
    assert record.modified == "2026-02-16T09:47:36.513888+00:00"


async def test_the_watched_are_not_read_twice(router: respx.MockRouter) -> None:
    """What is watched was shown already."""
    first, second = answer_gets(router, incident(1), incident(2))
    answer_search(router, found(2, 1))
    assert shown(await pages(by_open(router), id_of(1))) == ["IR-1", "IR-2"]
    assert (first.call_count, second.call_count) == (1, 1)


async def test_a_hint_is_confirmed_once_for_each_change(router: respx.MockRouter) -> None:
    """What only the search takes for open is not read in every cycle, but when it changes."""
    (route,) = answer_gets(router, incident(5))
    answer_search(router, found(5), found(5), found(5, at="09:48:00"), found(), found(5))
    system = by_open(router)
    counts = []
    for _ in range(5):
        await pages(system)
        counts.append(route.call_count)
    assert counts == [1, 1, 2, 2, 3]


async def test_a_hint_that_was_not_taken_is_given_again(router: respx.MockRouter) -> None:
    """A page that nobody came back from was perhaps not noted."""
    (route,) = answer_gets(router, incident(5))
    answer_search(router, found(5), found(5))
    system = by_open(router)
    walk = system.changes(SINCE, ())
    assert shown([await anext(walk)]) == ["IR-5"]
    await walk.aclose()  # type: ignore[attr-defined]
    assert shown(await pages(system)) == ["IR-5"]
    assert route.call_count == 2


async def test_the_search_is_paged_by_what_came(router: respx.MockRouter) -> None:
    """``next_offset`` never means more: the total does, and an empty page is the end."""
    answer_gets(router, *(incident(number) for number in (1, 2, 3)))
    route = answer_search(router, found(3, 2, total=9), found(2, 1, total=9), found(total=9))
    assert shown(await pages(by_open(router))) == ["IR-3", "IR-2", "IR-1"]
    offsets = [call.request.url.params["page[offset]"] for call in route.calls]
    assert offsets == ["0", "2", "4"]


async def test_states_of_an_organisations_own_are_asked_for(router: respx.MockRouter) -> None:
    """A state met on an incident is open unless it is a final one; odd names are quoted."""
    states = ["resolved", "completed", "on hold", "triage"]
    raws = [
        incident(number, fields={"state": {"type": "dropdown", "value": state}})
        for number, state in enumerate(states, start=1)
    ]
    answer_list(router, raws, [])
    route = answer_search(router, found())
    system = by_open(router)
    assert len([page async for page in system.changes(None, [id_of(1)])]) == 2
    await pages(system)
    query = route.calls.last.request.url.params["query"]
    assert query == 'state:(active OR "on hold" OR stable OR triage)'


async def test_states_of_definitions_are_asked_for(router: respx.MockRouter) -> None:
    """Where definitions are read for some other field, they tell the states as well."""
    state = {"name": "state", "type": 1, "valid_values": [{"value": "triage"}, {"value": "?"}, {}]}
    router.get(f"{API}/api/v2/incidents/config/user-defined-fields").respond(
        json={"data": [{"attributes": state}, {"attributes": {"name": "region", "type": [1]}}]}
    )
    answer_list(router, [])
    route = answer_search(router, found())
    system = made(router, ["fields.region"], by_open=True)
    await system.check()
    await pages(system)
    query = route.calls.last.request.url.params["query"]
    assert query == 'state:("?" OR active OR stable OR triage)'


async def test_a_fresh_incident_that_the_search_hides_is_not_missed(
    router: respx.MockRouter,
) -> None:
    """The search is behind: nothing is complete without the list, which shows it at once."""
    answer_search(router, found())
    answer_list(router, [incident(9)], [])
    system = by_open(router)
    assert not any(page.complete for page in await pages(system))
    whole = [page async for page in system.changes(None)]
    assert shown(whole) == ["IR-9"]
    assert whole[-1].complete


async def test_without_it_every_listing_is_whole(router: respx.MockRouter) -> None:
    """Nothing can be filtered by time: a cursor changes nothing."""
    answer_list(router, [incident(1)], [])
    system = made(router, PATHS)
    assert not system.abilities.hints
    assert [page.complete for page in await pages(system, id_of(1))] == [False, True]


@pytest.mark.parametrize(("more", "wanted"), [({}, []), ({"private": True}, ["IR-2"])])
async def test_private_hints_are_kept_to_themselves(
    router: respx.MockRouter, more: dict[str, Any], wanted: list[str]
) -> None:
    """A private incident does not leak through the search, unless that is wanted."""
    answer_gets(router, incident(2, visibility="private", fields=dict(UNMARKED)))
    answer_search(router, found(2))
    assert shown(await pages(by_open(router, **more))) == wanted


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html>Sign in</html>"),
        httpx.Response(200, json={"data": []}),
        httpx.Response(200, json={"data": {"attributes": {"incidents": None}}}),
        httpx.Response(
            200, content=b'{"data": {"attributes": {"incidents": [{"data": {"id": "\xff"}}]}}}'
        ),
        httpx.Response(200, content=b'{"data": {"attributes": {"facets": ' + b"[" * 100_000),
        httpx.Response(400, json={"errors": ["invalid query"]}),
        httpx.Response(503),
    ],
)
async def test_a_search_that_cannot_be_read(
    router: respx.MockRouter, answer: httpx.Response
) -> None:
    """It is a hint and no more: without it everything is listed, and Datadog is not left out."""
    router.get(SEARCH).mock(return_value=answer)
    answer_list(router, [incident(1), incident(2)], [])
    answered = await pages(by_open(router), id_of(1))
    assert shown(answered) == ["IR-1", "IR-2"]
    assert answered[-1].complete


async def test_a_search_with_refused_keys_stops_all(router: respx.MockRouter) -> None:
    """Refused keys are refused for the list, too."""
    router.get(SEARCH).respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Denied):
        await pages(by_open(router), id_of(1))


async def test_many_open_incidents_are_listed(router: respx.MockRouter) -> None:
    """With more open ones than a page holds and the list has pages, the list costs less."""
    raws = [incident(number) for number in range(1, 151)]
    system = by_open(router)
    answer_list(router, raws[:100], raws[100:], [])
    assert [page async for page in system.changes(None)][-1].complete
    answer_list(router, raws[:100], raws[100:], [])
    before = system.requests
    answered = await pages(system, *(raw["id"] for raw in raws[:101]))
    assert (len(shown(answered)), system.requests - before) == (150, 3)
    answer_gets(router, *raws[:100])
    answer_search(router, found())
    assert len(shown(await pages(system, *(raw["id"] for raw in raws[:100])))) == 100


@pytest.mark.parametrize("bad", [{"data": None}, {"data": {"id": 7}}, {}, None, "?", {"data": []}])
async def test_a_row_that_cannot_be_read_costs_itself(router: respx.MockRouter, bad: Any) -> None:
    """One without an id, or of another shape, does not hide the others; nor does an odd time."""
    answer_gets(router, incident(5), incident(6))
    answer = found(5, 6)
    rows = answer["data"]["attributes"]["incidents"]
    del rows[0]["data"]["attributes"]
    rows[1]["data"]["attributes"]["modified"] = 7
    rows[:0] = [bad]
    answer_search(router, answer)
    assert shown(await pages(by_open(router))) == ["IR-5", "IR-6"]


@pytest.mark.parametrize("total", [None, "2", "absent", 10**9])
async def test_a_search_whose_total_is_odd(router: respx.MockRouter, total: Any) -> None:
    """It ends with the first page that holds nothing new, even where its offset is ignored."""
    answer_gets(router, incident(5), incident(6))
    answers = [found(6), found(5), found(5)]
    for answer in answers:
        answer["data"]["attributes"]["total"] = total
        if total == "absent":
            del answer["data"]["attributes"]["total"]
    route = answer_search(router, *answers)
    assert shown(await pages(by_open(router))) == ["IR-6", "IR-5"]
    assert route.call_count == 3


async def test_nothing_is_counted(router: respx.MockRouter) -> None:
    """The list has no total and the search hides and lags: there is no census."""
    system = by_open(router)
    assert system.abilities.census == ""
    assert await system.census() is None
