"""New Datadog incidents on the wire: declared or quietly imported; and impact on customers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import respx

from instep.core.model import Words
from instep.errors import Rejected, Unreachable
from tests.wire.datadog import API, BEN, ID, OTHER, answer_list, answer_writes, incident, made, read
from tests.wire.helpers import MARK, sent

DETECTED = "2026-02-03T09:12:00Z"
DECLARED = "2026-02-03T09:15:00Z"
RESOLVED = "2026-02-03T11:00:00Z"
OPENED = "2026-02-03T09:10:30Z"
DONE = {"state": {"type": "dropdown", "value": "resolved"}}
PLAIN = ["title", "fields.state", "customer_impact_start", "customer_impact_end"]
SCOPED = [*PLAIN, "customer_impact_scope"]
DATES = ["title", "fields.state", "declared", "detected", "resolved", "commander"]


def answer_import(router: respx.MockRouter, **attributes: Any) -> respx.Route:
    """Answer an import in its own shape, and reads in the usual one."""
    raw = incident(**attributes)
    router.get(f"{API}/api/v2/incidents/{ID}").respond(json={"data": raw})
    times = ("created", "modified", "declared", "detected")
    spelled = {key: raw["attributes"][key].replace("+00:00", "Z") for key in times}
    about = {**raw["attributes"], **spelled}
    del about["customer_impacted"]
    return router.post(f"{API}/api/v2/incidents/import").respond(
        201, json={"data": raw | {"attributes": about}}
    )


def attributes_of(route: respx.Route) -> dict[str, Any]:
    """Give the attributes that were sent, without the mark."""
    about: dict[str, Any] = sent(route)["data"]["attributes"]
    about.get("fields", {}).pop("external_reference", None)
    return about


# Declared


async def test_a_create_is_sent_once(router: respx.MockRouter) -> None:
    """There is no idempotency key: a create that is answered with 5xx is not repeated."""
    create = router.post(f"{API}/api/v2/incidents").respond(503)
    system = made(router)
    await read(system, router, incident())
    with pytest.raises(Unreachable) as caught:
        await system.create({"title": "T"}, MARK)
    assert caught.value.unclear
    assert create.call_count == 1


async def test_a_lost_create_is_found_at_the_end_of_the_list(router: respx.MockRouter) -> None:
    """The search hides fresh incidents, the list has them at its end: that is read first."""
    rows = [incident(number, fields={"external_reference": {}}) for number in range(1, 151)]
    answer_list(router, rows[:100], rows[100:], [])
    system = made(router, ["title"])
    assert [page async for page in system.changes(None)][-1].complete
    route = answer_list(router, [*rows[50:], incident(200)], [])
    assert [one.display for one in await system.find(MARK)] == ["IR-200"]
    assert [call.request.url.params["page[offset]"] for call in list(route.calls)[-2:]] == [
        "50",
        "151",
    ]


async def test_all_is_walked_if_it_is_not_at_the_end(router: respx.MockRouter) -> None:
    """After deletions the end may lie further to the front than it was."""
    rows = [incident(number, fields={"external_reference": {}}) for number in range(1, 151)]
    answer_list(router, rows[:100], rows[100:], [])
    system = made(router, ["title"])
    assert [page async for page in system.changes(None)][-1].complete
    route = answer_list(router, [], [incident(40)], [])
    assert [one.display for one in await system.find(MARK)] == ["IR-40"]
    assert [call.request.url.params["page[offset]"] for call in list(route.calls)[-3:]] == [
        "50",
        "0",
        "1",
    ]


async def test_nobody_is_paged_by_handle(router: respx.MockRouter) -> None:
    """Handles would notify people: none is ever sent, and dates neither."""
    create, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    await system.create({"title": "T", "detected": DETECTED}, MARK)
    await system.update(seen, {"title": "T"})
    assert attributes_of(create).keys() == {"title", "customer_impacted", "fields"}
    assert attributes_of(patch).keys() == {"title"}


def test_a_create_has_times_of_its_own(router: respx.MockRouter) -> None:
    """The service stamps a new incident, and sets ``resolved`` itself, with the state only."""
    abilities = made(router).abilities
    assert abilities.stamps == {"detected", "declared"}
    assert abilities.read_only == {"declared", "resolved"}
    assert abilities.moves == {"resolved": {"fields.state"}}
    assert abilities.born.keys() == {"customer_impact_start", "customer_impact_end", "detected"}


async def test_one_made_as_resolved_has_no_time_of_it(router: respx.MockRouter) -> None:
    """``resolved`` stays null in an incident that is created as resolved: nothing is made up."""
    answer_writes(router)
    system = made(router)
    await read(system, router, incident(fields=DONE))
    written = await system.create({"title": "T", "fields.state": "resolved"}, MARK)
    assert system.words(written.record)["fields.state"] == "resolved"
    assert written.echo["resolved"] is None
    assert system.words(written.record)["resolved"] is None


def test_nobody_outside_is_notified(router: respx.MockRouter) -> None:
    """Notification rules page the organisation's own people: a Datadog is no status page."""
    assert made(router).abilities.notifies == frozenset()
    assert made(router, quiet=True).abilities.notifies == frozenset()


# Imported


async def test_a_quiet_create_is_an_import(router: respx.MockRouter) -> None:
    """It runs no notification rules, and carries the dates that a create cannot."""
    system = made(router, DATES, quiet=True, incident_type=OTHER)
    await read(system, router, incident(incident_type_uuid=OTHER))
    create = answer_import(router, fields=DONE, resolved="2026-02-03T11:00:00+00:00")
    words: Words = {
        "title": "T",
        "fields.state": "resolved",
        "declared": DECLARED,
        "detected": DETECTED,
        "resolved": RESOLVED,
        "commander": ("ben@example.com",),
    }
    written = await system.create(words, MARK)
    assert sent(create) == {
        "data": {
            "type": "incidents",
            "attributes": {
                "title": "T",
                "fields": {
                    "state": {"type": "dropdown", "value": "resolved"},
                    "external_reference": {"type": "textarray", "value": [str(MARK)]},
                },
                "declared": DECLARED,
                "detected": DETECTED,
                "resolved": RESOLVED,
                "incident_type_uuid": OTHER,
            },
            "relationships": {"commander_user": {"data": {"type": "users", "id": BEN}}},
        }
    }
    assert system.words(written.record)["resolved"] == "2026-02-03T11:00:00+00:00"


async def test_an_import_is_read_back(router: respx.MockRouter) -> None:
    """Its answer spells times otherwise and lacks attributes: state is taken from a read."""
    answer_import(router)
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    written = await system.create({"title": "T"}, MARK)
    assert written.echo.keys() == {"title", "fields.state"}
    assert system.words(written.record)["declared"] == "2026-02-16T09:47:35.513888+00:00"
    assert written.record.birth == "2026-02-16T09:47:35.513888+00:00"


@pytest.mark.parametrize(
    ("words", "declared"),
    [
        ({"declared": DECLARED, "detected": DETECTED}, DECLARED),
        ({"detected": DETECTED}, DETECTED),
        ({"declared": None, "detected": DETECTED}, DETECTED),
        ({}, OPENED),
    ],
)
async def test_when_an_import_was_declared(
    router: respx.MockRouter, words: dict[str, Any], declared: str
) -> None:
    """As it is said, else when it was detected, else when its origin was opened."""
    create = answer_import(router)
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    await system.create({"title": "T", **words}, replace(MARK, opened=OPENED))
    assert attributes_of(create)["declared"] == declared


async def test_an_import_of_unknown_age_is_declared_now(router: respx.MockRouter) -> None:
    """Where nothing tells when the incident began, the service takes its own present."""
    create = answer_import(router)
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    await system.create({"title": "T"}, MARK)
    assert "declared" not in attributes_of(create)


@pytest.mark.parametrize("state", ["active", "completed", None])
async def test_resolved_goes_with_its_state_only(
    router: respx.MockRouter, state: str | None
) -> None:
    """An import takes ``resolved`` beside that state alone: else the echo says it is not there."""
    create = answer_import(router)
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    given: Words = {"fields.state": state} if state else {}
    written = await system.create({"title": "T", "resolved": RESOLVED, **given}, MARK)
    assert "resolved" not in attributes_of(create)
    assert written.echo["resolved"] is None


async def test_an_import_says_nothing_of_customers(router: respx.MockRouter) -> None:
    """It carries no impact; what a create carries of it follows as an update."""
    create = answer_import(router)
    system = made(router, SCOPED, quiet=True)
    await read(system, router, incident())
    await system.create({"title": "T", "customer_impact_scope": "All"}, MARK)
    assert attributes_of(create) == {"title": "T", "fields": {}}
    abilities = system.abilities
    assert abilities.create_only == {"declared", "resolved"}
    assert abilities.read_only == frozenset()
    assert abilities.born.keys() == {
        "customer_impact_start",
        "customer_impact_end",
        "customer_impact_scope",
    }


async def test_an_import_that_is_refused(router: respx.MockRouter) -> None:
    """Its refusals are those of a create."""
    router.post(f"{API}/api/v2/incidents/import").respond(400, json={"errors": ["bad date"]})
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    with pytest.raises(Rejected, match="bad date"):
        await system.create({"title": "T"}, MARK)


async def test_an_organisation_without_imports(router: respx.MockRouter) -> None:
    """Imports are a preview: where there are none, it is said how to do without."""
    body = {"errors": [{"status": "404", "title": "Not Found"}]}
    router.post(f"{API}/api/v2/incidents/import").respond(404, json=body)
    system = made(router, DATES, quiet=True)
    await read(system, router, incident())
    with pytest.raises(Unreachable, match="does not import") as caught:
        await system.create({"title": "T"}, MARK)
    assert "quiet" in caught.value.advice
    assert not caught.value.unclear


# Impact on customers


async def test_a_create_with_a_scope_has_customers_impacted(router: respx.MockRouter) -> None:
    """The one is required with the other."""
    create, _ = answer_writes(router)
    system = made(router, SCOPED)
    await read(system, router, incident())
    await system.create({"title": "T", "customer_impact_scope": "All of Europe"}, MARK)
    about = attributes_of(create)
    assert (about["customer_impacted"], about["customer_impact_scope"]) == (True, "All of Europe")


@pytest.mark.parametrize(
    ("paths", "held", "words", "more"),
    [
        pytest.param(PLAIN, {}, {}, {"scope": "Checkout latency"}, id="title"),
        pytest.param(PLAIN, {}, {"title": "New"}, {"scope": "New"}, id="new-title"),
        pytest.param(PLAIN, {"scope": "Some"}, {}, {"scope": "Some"}, id="held"),
        pytest.param(SCOPED, {}, {"customer_impact_scope": "All"}, {"scope": "All"}, id="said"),
        pytest.param(SCOPED, {}, {}, None, id="mapped-and-empty"),
        pytest.param(PLAIN, {"impacted": True}, {}, None, id="impacted-already"),
        pytest.param(PLAIN, {"impacted": None}, {}, None, id="old-shape"),
    ],
)
async def test_an_impact_that_begins_is_switched_on(
    router: respx.MockRouter,
    paths: list[str],
    held: dict[str, Any],
    words: dict[str, Any],
    more: dict[str, Any] | None,
) -> None:
    """Its start says that customers are impacted, with the scope that this needs, if one is known.

    A scope that rules map is not filled with a title: that would be an edit of nobody's.
    """
    _, patch = answer_writes(router)
    system = made(router, paths)
    about = {"customer_impacted": False} | {f"customer_impact_{k}": v for k, v in held.items()}
    if "impacted" in held:
        about["customer_impacted"] = held["impacted"]
    seen = await read(system, router, incident(**about))
    await system.update(seen, {"customer_impact_start": DETECTED, **words})
    extra = more and {"customer_impacted": True, "customer_impact_scope": more["scope"]}
    assert attributes_of(patch) == {"customer_impact_start": DETECTED, **words, **(extra or {})}


@pytest.mark.parametrize(
    "words", [{"customer_impact_start": None}, {"customer_impact_end": DETECTED}, {"title": "T"}]
)
async def test_nothing_else_switches_an_impact(
    router: respx.MockRouter, words: dict[str, Any]
) -> None:
    """A start that is cleared switches nothing off, and an end nothing on."""
    _, patch = answer_writes(router)
    system = made(router, PLAIN)
    seen = await read(system, router, incident())
    await system.update(seen, words)
    assert attributes_of(patch) == words
