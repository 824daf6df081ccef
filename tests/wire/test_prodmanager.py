"""ProdManager on the wire: reading and listing, and the traps of its contract."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
import respx

from instep.core.model import Mark
from instep.errors import ConfigError, Denied, Gone, Rejected, Unreachable
from instep.systems.prodmanager import ProdManager, connector
from instep.systems.prodmanager import listing as paging
from tests.wire.helpers import MARK, over
from tests.wire.prodmanager import (
    API,
    CREATED,
    URL,
    ids,
    incident,
    listing,
    made,
    read,
)
from tests.wire.sockets import answering, listening

# Reading


async def test_words_of_an_incident(router: respx.MockRouter) -> None:
    """Names for ids, local digits, lower-case words; an empty text is the same as none."""
    system = made(router)
    assert system.words(await read(system, router, incident(external_link=""))) == {
        "name": "Disk full",
        "description": "Line 1\nLine 2",
        "severity": "critical",
        "status": "stable",
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "resolve_date": None,
        "scope": "eu-west",
        "service": "Checkout",
        "external_link": None,
    }


async def test_what_a_record_shows(router: respx.MockRouter) -> None:
    """The page for people, the creation in UTC, and the mark with its link."""
    record = await read(made(router), router, incident())
    assert (record.id, record.url) == ("3", f"{URL}/incident/3")
    assert record.opened == "2026-11-21T20:39:00Z"
    assert record.modified is None
    assert record.mark == MARK


@pytest.mark.parametrize("host", ["http://internal:8080", "https://attacker.example.com"])
async def test_links_of_another_host_change_nothing(router: respx.MockRouter, host: str) -> None:
    """Links are built from the request's Host and X-Forwarded-Proto: neither shown nor digested."""
    system = made(router)
    plain = await read(system, router, incident())
    linked = await read(system, router, incident(links={"self": f"{host}/api/incident/3"}))
    assert linked == plain
    assert linked.url == f"{URL}/incident/3"


async def test_an_id_used_again_is_another_birth(router: respx.MockRouter) -> None:
    """Trap 3: SQLite gives a deleted incident's id to the next one, maybe in the same minute."""
    system = made(router)
    first = await read(system, router, incident())
    again = CREATED | {"content": orjson.dumps({"name": "other"}).decode()}
    other = await read(system, router, incident(events=[again]))
    later = await read(system, router, incident(creation_date="2026-11-21T15:40"))
    commented = [{"content": "new", "type": "comment"}, *incident()["events"]]
    same = await read(system, router, incident(events=commented))
    assert len({first.birth, other.birth, later.birth}) == 3
    assert same.birth == first.birth
    assert (await read(system, router, incident(events=[]))).birth == "2026-11-21T15:39#"


async def test_a_renamed_service_changes_the_digest(router: respx.MockRouter) -> None:
    """Trap 18: an incident's own bytes do not move when its service is renamed; its word does.

    Nor do they when SQLite gives the id of a deleted service to another one.
    """
    system = made(router)
    before = await read(system, router, incident())
    rows = [{"id": 1, "name": "Search"}, {"id": 2, "name": "Basket"}]
    router.get(f"{API}/service").mock(side_effect=lambda _: listing(rows))
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([incident()]))
    pages = [page async for page in system.changes(None)]
    (after,) = [record for page in pages for record in page.records]
    assert after.digest != before.digest
    assert system.words(after)["service"] == "Basket"


async def test_unpadded_years_are_no_reason_to_stop(router: respx.MockRouter) -> None:
    """A year below 1000 comes back without padding, which is no date that can be read."""
    for odd in ("1-01-01T00:00", "9999-12-31T23:59", None, 5):
        raw = incident(creation_date=odd)
        assert (await read(made(router), router, raw)).opened == ""


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/api", f"{URL}/api/"])
async def test_requests_go_to_the_api(router: respx.MockRouter, url: str) -> None:
    """Without its prefix the same path is the web interface, which does not know the token."""
    record = await read(made(router, url=url), router, incident())
    assert record.url == f"{URL}/incident/3"


def test_a_path_that_prodmanager_does_not_have() -> None:
    """An unknown path is a mistake in the configuration."""
    with pytest.raises(ConfigError):
        ProdManager.connect("status", ["title"], token="t", url=URL)


async def test_an_answer_without_an_incident_is_unusable(router: respx.MockRouter) -> None:
    """A 200 of something else is no incident, and none that is gone."""
    router.get(f"{API}/incident/3").respond(json={"current": "0.22.0"})
    with pytest.raises(Unreachable):
        await made(router).read("3")


async def test_a_long_history_is_read(router: respx.MockRouter) -> None:
    """Trap 16: every edit ever made comes along with an incident, here some 13 MB of them."""
    edit = {"content": "x" * 65_536, "type": "update", "internal": True}
    raw = incident(events=[edit] * 200 + [CREATED])
    assert (await read(made(router), router, raw)).birth == (
        await read(made(router), router, incident())
    ).birth


# Absence and trouble


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"message": "m", "reasons": {"incident": ["Resource not found : 3"]}}, Gone),
        ({"message": "m", "reasons": {"incident": "Resource not found : 3"}}, Gone),
        ("The requested URL was not found on the server.", Unreachable),
        ({"message": "m"}, Unreachable),
    ],
)
async def test_what_a_404_means(
    router: respx.MockRouter, body: Any, error: type[Exception]
) -> None:
    """Trap 2: only the object that names the resource makes it gone; a bare string is a route."""
    router.get(f"{API}/incident/3").respond(404, json=body)
    with pytest.raises(error):
        await made(router).read("3")


async def test_a_500_is_a_bare_string(router: respx.MockRouter) -> None:
    """An error's body may be a JSON string in place of an object; it is shown all the same."""
    router.get(f"{API}/incident/3").respond(500, json="The server encountered an internal error")
    with pytest.raises(Unreachable, match="internal error"):
        await made(router).read("3")


@pytest.mark.parametrize(
    ("status", "text"), [(405, "Method Not Allowed"), (400, "Request Line is too large")]
)
async def test_an_error_may_be_a_web_page(router: respx.MockRouter, status: int, text: str) -> None:
    """A 405 and what the server's front refuses are HTML: nothing is gone, no record refused."""
    router.get(f"{API}/incident/3").respond(status, html=f"<h1>{text}</h1>")
    with pytest.raises(Unreachable, match=str(status)):
        await made(router).read("3")


async def test_an_hour_is_not_waited_for(router: respx.MockRouter) -> None:
    """The rate limit asks for an hour: one request, no second, and the side waits a cycle."""
    body = {"message": "API rate limit has been reached"}
    route = router.get(f"{API}/incident").respond(429, json=body, headers={"Retry-After": "3600"})
    with pytest.raises(Unreachable, match="rate limit has been reached") as caught:
        await ids(made(router))
    assert route.call_count == 1
    assert not caught.value.unclear


@pytest.mark.parametrize("body", ["You don't have the permission", {"reasons": {"token": ["t"]}}])
async def test_a_403_is_denied_whatever_its_shape(router: respx.MockRouter, body: Any) -> None:
    """Trap 15: a write without a token is answered 403 and a bare string, not 401."""
    router.post(f"{API}/incident/create").respond(403, json=body)
    with pytest.raises(Denied) as caught:
        await made(router).create({"name": "Disk full"}, MARK)
    assert "incident_api" in caught.value.advice


@pytest.mark.parametrize(("idle", "connections"), [(connector.IDLE, 1), (0, 2)])
async def test_connections_are_dropped_before_the_server_does(
    monkeypatch: pytest.MonkeyPatch, idle: float, connections: int
) -> None:
    """Trap 19: the server closes idle connections after 2 s; ours are not kept that long."""
    assert connector.IDLE < 2
    monkeypatch.setattr(connector, "IDLE", idle)
    met: set[asyncio.StreamWriter] = set()
    async with listening(answering(orjson.dumps(incident()), met)) as port:
        system = ProdManager.connect("status", ["name"], token="t", url=f"http://127.0.0.1:{port}")
        await system.read("3")
        await system.read("3")
        await system.close()
    assert len(met) == connections


# Listing


async def test_a_listing_ends_at_the_text_none(router: respx.MockRouter) -> None:
    """Pages of 50 until the next page is the text None; the page beyond is not asked for.

    No filter by date is among what is asked (trap 11: with a T they are wrong by up to a day).
    """
    route = router.get(f"{API}/incident")
    route.side_effect = [
        listing([incident(1), incident(2)], total=3, following=2),
        listing([incident(2), incident(3)], total=3),
    ]
    pages = [page async for page in made(router).changes(None)]
    assert [dict(call.request.url.params) for call in route.calls] == [
        {"per_page": "50", "page": "1"},
        {"per_page": "50", "page": "2"},
    ]
    assert [one.id for page in pages for one in page.records] == ["1", "2", "3"]
    assert [page.complete for page in pages] == [False, False, True]


async def test_every_listing_is_whole(router: respx.MockRouter) -> None:
    """Trap 1: there is no feed of changes, so that no cursor is given and none is used."""
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([incident()]))
    system = made(router)
    for since in (None, "2026-02-03T09:12:00Z"):
        pages = [page async for page in system.changes(since)]
        assert [page.cursor for page in pages] == [None, None]
        assert pages[-1].complete
    assert not system.abilities.filters_by_time


async def test_a_listing_that_missed_some_is_walked_again(router: respx.MockRouter) -> None:
    """Trap 2: without a tie-break a walk shows rows twice and others never (PostgreSQL)."""
    route = router.get(f"{API}/incident")
    route.side_effect = [
        listing([incident(1), incident(1)], total=2),
        listing([incident(2), incident(2)], total=2),
    ]
    pages = [page async for page in made(router).changes(None)]
    assert [one.id for page in pages for one in page.records] == ["1", "2"]
    assert pages[-1].complete


async def test_a_deletion_between_two_walks_is_no_trouble(router: respx.MockRouter) -> None:
    """Trap 2: a walk that shows as many as are counted is whole, whatever an earlier one showed."""
    route = router.get(f"{API}/incident")
    route.side_effect = [
        listing([incident(1), incident(2)], total=3),
        listing([incident(1), incident(3)], total=2),
    ]
    pages = [page async for page in made(router).changes(None)]
    assert [one.id for page in pages for one in page.records] == ["1", "2", "3"]
    assert pages[-1].complete


async def test_a_listing_that_never_agrees_is_not_complete(router: respx.MockRouter) -> None:
    """Trap 2: after a few walks it is given up: nothing may be concluded from an absence."""
    route = router.get(f"{API}/incident")
    route.mock(side_effect=lambda _: listing([incident(1)], total=2))
    pages = [page async for page in made(router).changes(None)]
    assert route.call_count == paging.WALKS
    assert not any(page.complete for page in pages)


async def test_a_listing_without_a_total_is_not_complete(router: respx.MockRouter) -> None:
    """A proxy that drops headers leaves the end of a listing to its first empty page."""
    route = router.get(f"{API}/incident")
    pages = [httpx.Response(200, json={"items": rows}) for rows in ([incident(1)], [])]
    route.side_effect = pages * paging.WALKS
    seen = [page async for page in made(router).changes(None)]
    assert [one.id for page in seen for one in page.records] == ["1"]
    assert not any(page.complete for page in seen)


async def test_a_total_that_is_no_number_is_none(router: respx.MockRouter) -> None:
    """Whatever a proxy makes of the header, the incidents are shown."""
    page = listing([incident()])
    page.headers["x-total"] = "9" * 5000
    router.get(f"{API}/incident").mock(return_value=page)
    pages = [page async for page in made(router).changes(None)]
    assert any(page.records for page in pages)
    assert not any(page.complete for page in pages)


@pytest.mark.parametrize("number", [[3], {"id": 3}, 3.5, None])
async def test_an_id_of_another_shape_costs_one_incident(
    router: respx.MockRouter, number: Any
) -> None:
    """The others of the page are shown."""
    rows = [incident() | {"id": number}, incident(4)]
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing(rows))
    assert await ids(made(router)) == ["4"]


async def test_a_page_without_items_is_not_empty(router: respx.MockRouter) -> None:
    """JSON that is no listing stops the side; so does a refusal of the page."""
    route = router.get(f"{API}/incident")
    for answer in (httpx.Response(200, json=[]), httpx.Response(400, json={"message": "m"})):
        route.side_effect = [answer]
        with pytest.raises(Unreachable):
            await ids(made(router))


async def test_a_listing_that_repeats_its_page_ends(router: respx.MockRouter) -> None:
    """A service that ignores the number of the page would be walked for ever."""
    route = router.get(f"{API}/incident")
    route.mock(side_effect=lambda _: listing([incident(1)], total=9, following=2))
    with pytest.raises(Unreachable, match="same page twice"):
        await ids(made(router))
    assert route.call_count == 2


async def test_names_that_nobody_maps_are_not_asked_for(router: respx.MockRouter) -> None:
    """Without scope and service among the paths, a listing costs its own pages only."""
    router.get(f"{API}/incident").mock(side_effect=lambda _: listing([incident(service=9)]))
    made(router)
    system = ProdManager.connect("status", ["name"], token="t", url=URL, transport=over(router))
    assert await ids(system) == ["3"]
    assert (await read(system, router, incident(service=9))).id == "3"
    assert not router["service"].called


async def test_a_service_made_this_moment_is_read_again(router: respx.MockRouter) -> None:
    """An incident that names a service which the listings do not show stops the side, clearly."""
    with pytest.raises(Unreachable, match="service 9"):
        await read(made(router), router, incident(service=9))


async def test_find_asks_for_the_reference_and_checks_it(router: respx.MockRouter) -> None:
    """Traps 5 and 10: filters are exact, and a bad one widens: what comes is looked at."""
    route = router.get(f"{API}/incident")
    other = incident(4, external_reference="TICKET-4")
    route.mock(side_effect=lambda _: listing([incident(), other]))
    system = made(router)
    assert [one.id for one in await system.find(MARK)] == ["3"]
    assert route.calls.last.request.url.params["external_reference"] == str(MARK)
    assert await system.find(Mark("devrev", "INC-1", "other")) == []


async def test_a_request_line_stays_below_its_limit(router: respx.MockRouter) -> None:
    """A line of more than 4094 bytes is refused by the server's front: such a mark is not made."""
    route = router.get(f"{API}/incident")
    route.mock(side_effect=lambda _: listing([]))
    system = made(router)
    # Two bytes of UTF-8 are six in an address.
    await system.find(Mark("devrev", "é" * 650, "7f2c9ab41d0e"))
    assert len(route.calls.last.request.url.raw_path) < 4094 - len("GET  HTTP/1.1")
    for refused in (system.find, lambda mark: system.create({"name": "Disk full"}, mark)):
        with pytest.raises(Rejected, match="reference"):
            await refused(Mark("devrev", "é" * 680, "7f2c9ab41d0e"))
    assert route.call_count == 1


def test_what_is_declared(router: respx.MockRouter) -> None:
    """A fresh incident is active without dates of phases, which belong to their states.

    Trap 20: a change of the status mails the subscribers, as every create does.
    """
    abilities = made(router, timeout=12.0).abilities
    assert abilities.deadline == 12.0
    assert abilities.born == {
        "status": "active",
        "investigation_date": None,
        "stable_date": None,
        "resolve_date": None,
    }
    assert abilities.only_while["stable_date"].words == {"stable", "resolved"}
    assert abilities.moves["resolve_date"] == {"status"}
    assert abilities.notifies == {"status"}
    assert (abilities.comments, abilities.links, abilities.hints) == (True, False, False)


async def test_nothing_is_counted_and_nothing_prepared(router: respx.MockRouter) -> None:
    """The service counts all incidents only, and needs nothing made."""
    system = made(router)
    assert (await system.census(), await system.prepare()) == (None, ())
    assert system.requests == 0
