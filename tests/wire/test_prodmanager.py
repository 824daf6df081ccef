"""ProdManager on the wire: the requests that are made, and the traps of its contract."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import respx

from instep.core.model import Mark, Record, Words
from instep.errors import ConfigError, Denied, Gone, Rejected, Unreachable
from instep.systems import prodmanager
from instep.systems.prodmanager import ProdManager
from tests.wire.helpers import MARK, form, over

URL = "https://status.example.com"
API = f"{URL}/api"
PATHS = [
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
CREATED = {"content": orjson.dumps({"name": "n"}).decode(), "type": "create", "internal": True}


def incident(number: int = 3, **more: Any) -> dict[str, Any]:
    """Spell an incident as lists and get do."""
    return {
        "id": number,
        "name": "Disk full",
        "description": "Line 1\nLine 2",
        "severity": "critical",
        "status": "stable",
        "creation_date": "2026-11-21T15:39",
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "resolve_date": None,
        "scope": 1,
        "service": 2,
        "external_reference": str(MARK),
        "external_link": MARK.url,
        "events": [{"content": "x", "type": "comment"}, CREATED],
    } | more


def listing(rows: list[Any], *, total: int | None = None, following: object = "None") -> Any:
    """Answer one page; what follows is in the headers, as text."""
    headers = {"x-next-page": str(following)}
    headers |= {"x-total": str(len(rows) if total is None else total)}
    return httpx.Response(200, json={"items": rows}, headers=headers)


def made(router: respx.MockRouter, **more: Any) -> ProdManager:
    """Connect to the router, with two scopes and services."""
    for kind, names in (("scope", ("eu-west", "us-east")), ("service", ("Search", "Checkout"))):
        rows = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
        route = router.get(f"{API}/{kind}", name=kind)
        route.mock(side_effect=lambda _, rows=rows: listing(rows))
    given: dict[str, Any] = {"token": "tok", "url": f"{URL}/", "timezone": "America/New_York"}
    return ProdManager.connect("status", PATHS, transport=over(router), **(given | more))


async def read(system: ProdManager, router: respx.MockRouter, raw: dict[str, Any]) -> Record:
    """Read an incident through the connector."""
    router.get(f"{API}/incident/{raw['id']}").respond(json=raw)
    return await system.read(str(raw["id"]))


def redirect(router: respx.MockRouter, path: str, location: str | None = None) -> respx.Route:
    """Answer a write as the service does: a redirect, built from any host."""
    place = location or "http://internal:8080/api/incident/3"
    return router.post(f"{API}/incident/{path}").respond(302, headers={"Location": place})


# Reading


async def test_words_of_an_incident(router: respx.MockRouter) -> None:
    """Names for ids, local digits, lower-case words."""
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


async def test_an_id_used_again_is_another_birth(router: respx.MockRouter) -> None:
    """SQLite gives a deleted incident's id to the next one, maybe within the same minute."""
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
    """The incident's own bytes do not move when its service is renamed; its word does."""
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
    assert (await read(made(router), router, incident(creation_date="1-01-01T00:00"))).opened == ""


@pytest.mark.parametrize("url", [URL, f"{URL}/", f"{URL}/api", f"{URL}/api/"])
async def test_requests_go_to_the_api(router: respx.MockRouter, url: str) -> None:
    """Without its prefix the same path is the web interface, which does not know the token."""
    record = await read(made(router, url=url), router, incident())
    assert record.url == f"{URL}/incident/3"


def test_a_path_that_prodmanager_does_not_have() -> None:
    """An unknown path is a mistake in the configuration."""
    with pytest.raises(ConfigError):
        ProdManager.connect("status", ["title"], token="t", url=URL)


# Absence


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
    """Only the object that names the resource makes it gone; a bare string is a route."""
    router.get(f"{API}/incident/3").respond(404, json=body)
    with pytest.raises(error):
        await made(router).read("3")


# Listing


async def test_a_listing_ends_at_the_text_none(router: respx.MockRouter) -> None:
    """Pages of 50 until the next page is the text None; the page beyond is not asked for."""
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


async def test_a_listing_that_missed_some_is_walked_again(router: respx.MockRouter) -> None:
    """Without a tie-break a walk shows some rows twice and others never (PostgreSQL)."""
    route = router.get(f"{API}/incident")
    route.side_effect = [
        listing([incident(1), incident(1)], total=2),
        listing([incident(2), incident(2)], total=2),
    ]
    pages = [page async for page in made(router).changes(None)]
    assert [one.id for page in pages for one in page.records] == ["1", "2"]
    assert pages[-1].complete


async def test_a_listing_that_never_agrees_is_not_complete(router: respx.MockRouter) -> None:
    """After a few walks it is given up: nothing may be concluded from an absence."""
    route = router.get(f"{API}/incident")
    route.mock(side_effect=lambda _: listing([incident(1)], total=2))
    pages = [page async for page in made(router).changes(None)]
    assert route.call_count == prodmanager.WALKS
    assert not any(page.complete for page in pages)


async def test_a_listing_without_a_total_is_not_complete(router: respx.MockRouter) -> None:
    """A proxy that drops headers leaves the end of a listing to its first empty page."""
    route = router.get(f"{API}/incident")
    pages = [httpx.Response(200, json={"items": rows}) for rows in ([incident(1)], [])]
    route.side_effect = pages * prodmanager.WALKS
    seen = [page async for page in made(router).changes(None)]
    assert [one.id for page in seen for one in page.records] == ["1"]
    assert not any(page.complete for page in seen)


async def test_a_service_made_this_moment_is_read_again(router: respx.MockRouter) -> None:
    """An incident that names a service which the listings do not show stops the side, clearly."""
    with pytest.raises(Unreachable, match="service 9"):
        await read(made(router), router, incident(service=9))


async def test_find_asks_for_the_reference_and_checks_it(router: respx.MockRouter) -> None:
    """Filters are exact, and a bad one widens the listing: what comes is looked at."""
    route = router.get(f"{API}/incident")
    other = incident(4, external_reference="TICKET-4")
    route.mock(side_effect=lambda _: listing([incident(), other]))
    system = made(router)
    assert [one.id for one in await system.find(MARK)] == ["3"]
    assert route.calls.last.request.url.params["external_reference"] == str(MARK)
    assert await system.find(Mark("devrev", "INC-1", "other")) == []


# Writing


async def test_a_create(router: respx.MockRouter) -> None:
    """A form with ids, minutes, the mark and its link; the id is in the place it points to."""
    route = redirect(router, "create")
    system = made(router)
    router.get(f"{API}/incident/3").respond(json=incident())
    words: Words = {
        "name": "Disk full",
        "description": None,
        "severity": "critical",
        "status": "resolved",
        "start_impact_date": "2024-02-18T13:19:59",
        "resolve_date": "2024-02-18T15:00",
        "scope": "us-east",
        "service": ("Checkout",),
    }
    written = await system.create(words, MARK)
    assert form(route) == {
        "name": "Disk full",
        "severity": "critical",
        "start_impact_date": "2024-02-18T13:19",
        "scope": "2",
        "service": "2",
        "external_reference": str(MARK),
        "external_link": MARK.url,
    }
    kind = route.calls.last.request.headers["content-type"]
    assert kind == "application/x-www-form-urlencoded"
    assert (written.record.id, written.echo) == ("3", {})


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("http://localhost:8080/a", True),
        ("slack://channel/x", True),
        ("https://a_b.example.org", True),
        ("", False),
        ("example.org/a", False),
        ("javascript:alert(1)", False),
        ("https://[::1]/a", False),
        ("https://user:pass@example.org/", False),
        ("git+ssh://example.org/a", False),
        (" https://example.org/", False),
    ],
)
async def test_a_link_that_would_be_refused_is_left_out(
    router: respx.MockRouter, url: str, is_sent: bool
) -> None:
    """A mark's link is for people; it is no reason for the create to fail."""
    route = redirect(router, "create")
    router.get(f"{API}/incident/3").respond(json=incident())
    await made(router).create({"name": "Disk full"}, Mark("a", "b", "c", url))
    assert ("external_link" in form(route)) is is_sent


async def test_an_update_sends_everything(router: respx.MockRouter) -> None:
    """What is left out is emptied or set to now: all is sent back but nulls."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident(description=""))
    await system.update(seen, {"name": "New name", "scope": "us-east"})
    assert form(route) == {
        "name": "New name",
        "description": "",
        "severity": "critical",
        "status": "stable",
        "start_impact_date": "2024-02-18T13:19",
        "investigation_date": "2024-02-18T13:30",
        "stable_date": "2024-02-18T14:00",
        "scope": "2",
        "service": "2",
        "external_reference": str(MARK),
        "external_link": MARK.url,
    }


async def test_an_update_empties_by_leaving_out(router: respx.MockRouter) -> None:
    """A text is emptied by leaving it out; a date that would become now is kept instead."""
    route = redirect(router, "3/update")
    system = made(router)
    seen = await read(system, router, incident())
    await system.update(seen, {"description": None, "stable_date": None})
    assert "description" not in form(route)
    assert form(route)["stable_date"] == "2024-02-18T14:00"


@pytest.mark.parametrize(
    "location",
    [
        "https://status.example.com/login",
        "https://status.example.com/api/incident/4",
        "https://status.example.com/api/incident",
        "https://status.example.com/api/incident/3?x=/api/incident/9x",
    ],
)
async def test_a_redirect_to_elsewhere_is_unclear(router: respx.MockRouter, location: str) -> None:
    """Only the path of the incident itself says that it was written."""
    redirect(router, "3/update", location)
    system = made(router)
    seen = await read(system, router, incident())
    if location.endswith("9x"):
        assert (await system.update(seen, {"name": "New name"})).record.id == "3"
        return
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"name": "New name"})
    assert caught.value.unclear


async def test_a_500_on_a_write_is_unclear(router: respx.MockRouter) -> None:
    """Seen: the incident was there although its create was answered 500."""
    router.post(f"{API}/incident/create").respond(500, json="The server encountered an error.")
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"name": "Disk full"}, MARK)
    assert caught.value.unclear


async def test_a_refused_form_says_every_reason(router: respx.MockRouter) -> None:
    """All fields at once, as the service says them."""
    reasons = {"name": ["Field must be at least 4 characters long."], "scope": ["Required."]}
    body = {"message": "Incident creation failed", "reasons": reasons}
    router.post(f"{API}/incident/create").respond(400, json=body)
    with pytest.raises(Rejected, match=r"name: Field must be at least 4.*scope: Required"):
        await made(router).create({"name": "abc"}, MARK)


async def test_a_page_in_place_of_a_reason(router: respx.MockRouter) -> None:
    """The web interface refuses a form without its own token: that is not this record's fault."""
    router.post(f"{API}/incident/create").respond(400, content=b"<html>CSRF")
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"name": "Disk full"}, MARK)
    assert not caught.value.unclear


async def test_an_unknown_name_is_rejected(router: respx.MockRouter) -> None:
    """Names are exact; the valid ones are said; they are read again before giving up."""
    system = made(router)
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            await system.create({"name": "Disk full", "service": "checkout"}, MARK)
    assert caught.value.advice.endswith("Checkout, Search")
    assert router["service"].call_count == 2


# Checking


@pytest.mark.parametrize(
    ("who", "what"),
    [
        (None, "does not know"),
        ({"exp": 1, "permissions": ["incident_api"]}, "has ended"),
        ({"exp": 4102444800, "permissions": ["scope_api"]}, "does not let"),
    ],
)
async def test_a_token_that_will_not_do(router: respx.MockRouter, who: Any, what: str) -> None:
    """Nobody, ended, or without the permission: found before the first write."""
    router.get(f"{API}/token/whoami").respond(json={"playload": who})
    with pytest.raises(Denied, match=what):
        await made(router).check()


async def test_a_check_warns(router: respx.MockRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token near its end, and a server without services, are told a person."""
    monkeypatch.setattr("instep.systems.prodmanager.time.time", lambda: 1_000_000.0)
    about = {"exp": 1_000_000 + 2 * 86400, "permissions": ["incident_api"]}
    router.get(f"{API}/token/whoami").respond(json={"playload": about})
    system = made(router)
    router.get(f"{API}/service").mock(side_effect=lambda _: listing([]))
    assert await system.check() == (
        "status has no service yet",
        "the token of status ends in 2.0 days",
    )


async def test_what_is_declared(router: respx.MockRouter) -> None:
    """A fresh incident is active without dates of phases, which belong to their states."""
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


async def test_a_page_without_items_is_not_empty(router: respx.MockRouter) -> None:
    """JSON that is no listing stops the side; so does a refusal of the page."""
    route = router.get(f"{API}/incident")
    for answer in (httpx.Response(200, json=[]), httpx.Response(400, json={"message": "m"})):
        route.side_effect = [answer]
        with pytest.raises(Unreachable):
            [page async for page in made(router).changes(None)]


async def test_an_answer_without_an_incident_is_unusable(router: respx.MockRouter) -> None:
    """A 200 of something else is no incident, and none that is gone."""
    router.get(f"{API}/incident/3").respond(json={"current": "0.22.0"})
    with pytest.raises(Unreachable):
        await made(router).read("3")
