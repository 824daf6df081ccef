"""Traps of Datadog's reads and errors, each by its name."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import respx

from instep.core.fields import moment
from instep.errors import Unreachable
from tests.wire.datadog import ANA, API, ID, answer_list, answer_writes, incident, made, read
from tests.wire.helpers import sent

ONE = f"{API}/api/v2/incidents/{ID}"
STATE = ["title", "fields.severity", "fields.state"]


# What moves without an edit


async def test_modified_alone_is_no_edit(router: respx.MockRouter) -> None:
    """A request without a visible change moves ``modified``: the words stay, so nothing follows."""
    system = made(router)
    first = await read(system, router, incident())
    second = await read(system, router, incident(modified="2026-02-16T10:00:00+00:00"))
    assert first.modified != second.modified
    assert system.words(first) == system.words(second)


async def test_a_new_field_is_no_edit(router: respx.MockRouter) -> None:
    """Fields appear without notice, as ``slug`` did: what is not mapped is not said."""
    system = made(router, STATE)
    raw = incident()
    del raw["attributes"]["fields"]["slug"]
    before = system.words(await read(system, router, raw))
    assert system.words(await read(system, router, incident())) == before


async def test_who_changed_it_last_is_no_proof(router: respx.MockRouter) -> None:
    """A person's edit may hide behind our own user's: it is shown whoever was the last."""
    system = made(router, STATE)
    ours = incident(1, last_modified_by_uuid="our-own-user", title="A person's edit")
    answer_list(router, [ours], [])
    ((record,), _) = [page.records async for page in system.changes(None)]
    assert system.words(record)["title"] == "A person's edit"


# Two writers


async def test_an_edit_between_read_and_write_is_kept(router: respx.MockRouter) -> None:
    """There is no version to compare: only what changes is sent, and the record is read again."""
    _, patch = answer_writes(router)
    system = made(router, STATE)
    seen = await read(system, router, incident())
    edited = {"severity": {"type": "dropdown", "value": "SEV-1"}}
    router.get(ONE).respond(json={"data": incident(title="T", fields=edited)})
    written = await system.update(seen, {"title": "T"})
    assert sent(patch)["data"]["attributes"] == {"title": "T"}
    assert system.words(written.record)["fields.severity"] == "SEV-1"


async def test_a_third_writer_is_one_like_any(router: respx.MockRouter) -> None:
    """A built-in Jira or ServiceNow sync edits as people do; its links and slug change nothing."""
    system = made(router, STATE)
    raw = incident(fields={"slug": {"type": "textbox", "value": "INC0012"}})
    jira = {"data": [{"type": "incident_integrations", "id": "1"}]}
    tied = raw | {"relationships": raw["relationships"] | {"integrations": jira}}
    before = system.words(await read(system, router, incident()))
    assert system.words(await read(system, router, tied)) == before


# Values


@pytest.mark.parametrize("mirrors", [{}, {"severity": "SEV-5", "state": "stable"}])
async def test_severity_and_state_are_fields(
    router: respx.MockRouter, mirrors: dict[str, Any]
) -> None:
    """What stands beside the fields is a copy that old shapes do not have."""
    system = made(router, STATE)
    fields = {"severity": {"type": "dropdown", "value": "SEV-2"}}
    words = system.words(await read(system, router, incident(fields=fields, **mirrors)))
    assert (words["fields.severity"], words["fields.state"]) == ("SEV-2", "active")


@pytest.mark.parametrize("severity", ["UNKNOWN", "SEV-0", "SEV-9", "P1 (ours)"])
async def test_severities_are_the_organisations(router: respx.MockRouter, severity: str) -> None:
    """The enumeration is not closed: any word is read and written as it is, rules say what for."""
    _, patch = answer_writes(router)
    system = made(router, STATE)
    fields = {"severity": {"type": "dropdown", "value": severity}}
    seen = await read(system, router, incident(fields=fields))
    assert system.words(seen)["fields.severity"] == severity
    await system.update(seen, {"fields.severity": severity})
    assert sent(patch)["data"]["attributes"]["fields"] == fields


def test_severity_and_state_are_never_emptied(router: respx.MockRouter) -> None:
    """Cleared, they would become their defaults, which is a word that nobody said."""
    assert {"fields.severity", "fields.state", "title"} <= made(router).abilities.keeps


@pytest.mark.parametrize("empty", [None, "", [], "absent"])
async def test_every_kind_of_empty_is_nothing(router: respx.MockRouter, empty: Any) -> None:
    """``null``, ``""``, ``[]`` and a missing key all say nothing."""
    system = made(router, ["fields.summary", "fields.services", "customer_impact_scope"])
    raw = incident(customer_impact_scope=empty)
    for name in ("summary", "services"):
        raw["attributes"]["fields"][name]["value"] = empty
    if empty == "absent":
        del raw["attributes"]["customer_impact_scope"]
        del raw["attributes"]["fields"]["summary"]
        del raw["attributes"]["fields"]["services"]["value"]
    assert set(system.words(await read(system, router, raw)).values()) == {None}


@pytest.mark.parametrize(
    "spelled",
    [
        "2026-02-16T09:47:35+00:00",
        "2026-02-16T09:47:35Z",
        "2026-02-16T09:47:35.000000+00:00",
        "2026-02-16T09:47:35.0Z",
        "2026-02-16T09:47:35.000000040Z",
    ],
)
async def test_times_are_spelled_in_many_ways(router: respx.MockRouter, spelled: str) -> None:
    """``+00:00`` or ``Z``, with up to nine digits of a second or none: one instant."""
    system = made(router, ["declared", "customer_impact_start"])
    raw = incident(declared=spelled, customer_impact_start=spelled, created=spelled)
    record = await read(system, router, raw)
    instant = moment("2026-02-16T09:47:35Z")
    assert {moment(str(word)) for word in system.words(record).values()} == {instant}
    assert moment(record.opened) == instant


# What is not to be copied


async def test_drills_and_secrets_may_be_wanted(router: respx.MockRouter) -> None:
    """Test and private incidents are left out unless a configuration asks for them."""
    none = {"external_reference": {"type": "textarray", "value": None}}
    rows = [
        incident(1, is_test=True),
        incident(2, visibility="private", fields=none),
        incident(3),
    ]
    shown = {}
    wanted: list[dict[str, Any]] = [
        {},
        {"tests": True},
        {"private": True},
        {"tests": True, "private": True},
    ]
    for more in wanted:
        answer_list(router, rows, [])
        pages = [page async for page in made(router, **more).changes(None)]
        shown[tuple(more)] = [one.display for page in pages for one in page.records]
    assert shown == {
        (): ["IR-3"],
        ("tests",): ["IR-1", "IR-3"],
        ("private",): ["IR-2", "IR-3"],
        ("tests", "private"): ["IR-1", "IR-2", "IR-3"],
    }


async def test_a_wanted_secret_can_be_read(router: respx.MockRouter) -> None:
    """One that turns private is not held where private ones are wanted."""
    none = {"external_reference": {"type": "textarray", "value": None}}
    record = await read(
        made(router, private=True), router, incident(visibility="private", fields=none)
    )
    assert record.id == ID


async def test_nothing_is_deleted_by_itself(router: respx.MockRouter) -> None:
    """Deletion cannot be undone: reading, listing and finding never ask for it."""
    delete = router.delete(ONE).respond(204)
    _, patch = answer_writes(router)
    system = made(router, STATE)
    seen = await read(system, router, incident())
    await system.update(seen, {"fields.state": "resolved"})
    assert patch.called
    assert not delete.called


# Errors


async def test_an_html_page_of_the_edge_is_asked_again(router: respx.MockRouter) -> None:
    """A limit may answer with a page, and its reset is in seconds: a read is repeated."""
    route = router.get(ONE)
    route.side_effect = [
        httpx.Response(429, html="<html>Too many</html>", headers={"x-ratelimit-reset": "1"}),
        httpx.Response(429, json={"errors": ["Too many requests"]}),
        httpx.Response(200, json={"data": incident()}),
    ]
    assert (await made(router).read(ID)).id == ID
    assert route.call_count == 3


async def test_a_web_page_is_no_incident(router: respx.MockRouter) -> None:
    """A proxy that answers in its place is an error, not an empty organisation."""
    router.get(f"{API}/api/v2/incidents").respond(200, html="<html>Sign in</html>")
    with pytest.raises(Unreachable, match="web page"):
        [page async for page in made(router).changes(None)]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param([incident(1), incident(2)], id="same"),
        pytest.param([{"type": "incidents"}], id="without-id"),
        pytest.param([{"id": ["?"]}, {"id": 7}, None], id="odd-ids"),
    ],
)
async def test_a_list_that_does_not_move_on(
    router: respx.MockRouter, page: list[dict[str, Any]]
) -> None:
    """An offset that is ignored would list for ever, in whatever order."""
    answer_list(router, page, page[::-1], page)
    with pytest.raises(Unreachable, match="again and again"):
        [page async for page in made(router).changes(None)]


async def test_a_page_of_rows_that_moved_on_is_no_standstill(router: respx.MockRouter) -> None:
    """An incident that goes to the front while pages are read pushes the last one on."""
    answer_list(router, [incident(1), incident(2)], [incident(2)], [])
    pages = [page async for page in made(router).changes(None)]
    assert [one.display for page in pages for one in page.records] == ["IR-1", "IR-2"]
    assert pages[-1].complete


@pytest.mark.parametrize("bad", [{"id": ["?"]}, {"id": {}}, {"id": 7}, None, "?"])
async def test_a_row_with_an_odd_id_costs_itself(router: respx.MockRouter, bad: Any) -> None:
    """What cannot be an incident does not hide the others."""
    answer_list(router, [bad, incident(2)], [])
    pages = [page async for page in made(router).changes(None)]
    assert [one.display for page in pages for one in page.records] == ["IR-2"]


async def test_a_user_that_cannot_be_asked_for(router: respx.MockRouter) -> None:
    """Only a 404 means that nobody is there; anything else is no answer."""
    system = made(router)
    router.get(f"{API}/api/v2/users/{ANA}").respond(400, json={"errors": ["bad"]})
    with pytest.raises(Unreachable, match="user"):
        await read(system, router, incident())


async def test_a_write_with_a_limit_had_no_effect(router: respx.MockRouter) -> None:
    """429 comes before the service does anything, so the write is known not to have happened."""
    _, patch = answer_writes(router)
    system = made(router, STATE)
    seen = await read(system, router, incident())
    patch.respond(429, json={"errors": ["Too many requests"]})
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"title": "T"})
    assert not caught.value.unclear
