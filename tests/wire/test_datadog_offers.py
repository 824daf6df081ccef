"""What Datadog offers, on the wire: which requests tell it, and what each of them is asked."""

from __future__ import annotations

from typing import Any

import pytest
import respx
import structlog

from instep.errors import Denied, Unreachable
from instep.systems.base import Offer
from instep.systems.datadog import Datadog
from tests.wire.datadog import API, DEFAULT, OTHER, answer_list, answer_types, incident, made

DEFINITIONS = f"{API}/api/v2/incidents/config/user-defined-fields"
USERS = f"{API}/api/v2/users"


def definition(name: str, kind: int, *values: str, **more: Any) -> dict[str, Any]:
    """Spell the definition of a field."""
    listed = [{"value": one, "display_name": one.title()} for one in values]
    return {"attributes": {"name": name, "type": kind, "valid_values": listed or None, **more}}


def defined(router: respx.MockRouter, *rows: dict[str, Any]) -> respx.Route:
    """Answer definitions, those of the stock choices first."""
    severities = definition("severity", 1, "SEV-1", "SEV-2", "UNKNOWN")
    states = definition("state", 1, "active", "stable", "resolved")
    return router.get(DEFINITIONS).respond(json={"data": [severities, states, *rows]})


def asked(route: respx.Route) -> list[dict[str, str]]:
    """Give the queries that a route was asked."""
    return [dict(call.request.url.params) for call in route.calls]


@pytest.fixture
def system(router: respx.MockRouter) -> Datadog:
    """Connect to an organisation with one incident."""
    answer_list(router, [incident()])
    return made(router)


async def test_choices_are_those_of_the_type_of_new_incidents(
    router: respx.MockRouter, system: Datadog
) -> None:
    """Severities and states are settings of each type: the definitions of that one list them."""
    route = defined(router)
    offers = await system.offers(
        {"fields.severity": ["SEV-0", "SEV-1"], 'fields["state"]': ["completed", "active"]}
    )
    assert offers == {
        "fields.severity": Offer(missing=("SEV-0",), words=("SEV-1", "SEV-2", "UNKNOWN")),
        'fields["state"]': Offer(missing=("completed",), words=("active", "stable", "resolved")),
    }
    (query,) = asked(route)
    assert query == {"page[size]": "1000", "page[number]": "0", "filter[incident-type]": DEFAULT}


async def test_the_configured_type_counts(router: respx.MockRouter) -> None:
    """Where new incidents are of another type than the default, its definitions are asked for."""
    answer_list(router, [])
    route = defined(router)
    types = answer_types(router)
    await made(router, incident_type=OTHER).offers({"fields.severity": ()})
    assert [query["filter[incident-type]"] for query in asked(route)] == [OTHER]
    assert not types.called


async def test_only_closed_lists_are_listed(router: respx.MockRouter, system: Datadog) -> None:
    """What completes itself, and free text, takes words that no definition holds."""
    defined(
        router,
        definition("region", 2, "eu", "us"),
        definition("services", 6, "Checkout"),
        definition("odd.name", 1, "a"),
        definition("notes", 3),
        definition("old", 1, "x", deleted="2026-01-01T00:00:00Z"),
    )
    offers = await system.offers(
        {
            "fields.region": ["eu", "ap"],
            "fields.region[0]": ["ap"],
            "fields.services": ["Nowhere"],
            'fields["odd.name"]': ["b"],
            "fields.odd.name": ["b"],
            "fields.notes": ["anything"],
            "fields.teams": ["anything"],
            "fields.old": ["x"],
            "fields.nowhere": ["x"],
        }
    )
    assert offers == {
        "fields.region": Offer(missing=("ap",), words=("eu", "us")),
        "fields.region[0]": Offer(),
        "fields.services": Offer(),
        'fields["odd.name"]': Offer(missing=("b",), words=("a",)),
        "fields.odd.name": Offer(there=False),
        "fields.notes": Offer(),
        "fields.teams": Offer(),
        "fields.old": Offer(there=False),
        "fields.nowhere": Offer(there=False),
    }


async def test_a_commander_is_looked_up_by_e_mail(
    router: respx.MockRouter, system: Datadog
) -> None:
    """One request for each person in use, and no warning in the log: the answer says it."""
    defined(router)
    with structlog.testing.capture_logs() as events:
        offers = await system.offers({"commander": ["Ben@example.com", "nobody@example.com"]})
    assert offers == {"commander": Offer(missing=("nobody@example.com",))}
    looked = [call.request.url for call in router.calls if call.request.url.path.endswith("users")]
    assert [url.params["filter"] for url in looked] == ["ben@example.com", "nobody@example.com"]
    assert [one for one in events if one["event"] == "name.unknown"] == []


async def test_attributes_are_always_there(router: respx.MockRouter, system: Datadog) -> None:
    """Title, dates and what is only read are no settings; copies of fields are no places."""
    defined(router)
    paths = ("title", "detected", "modified", "public_id")
    offers = await system.offers(dict.fromkeys((*paths, "severity"), ("anything",)))
    assert offers == {**dict.fromkeys(paths, Offer()), "severity": Offer(there=False)}


async def test_what_may_not_be_listed_is_taken_to_be_there(
    router: respx.MockRouter, system: Datadog
) -> None:
    """A key without a permission for settings or users may still be good for incidents."""
    settings = f"{API}/api/v2/incidents/config/types"
    for one in (settings, DEFINITIONS, USERS):
        router.get(one).respond(403, json={"errors": ["Forbidden"]})
    wanted = {"fields.severity": ["SEV-9"], "fields.region": ["eu"], "commander": ["x@y.example"]}
    assert await system.offers(wanted) == dict.fromkeys(wanted, Offer())


async def test_without_definitions_incidents_tell(
    router: respx.MockRouter, system: Datadog
) -> None:
    """Where that preview is not served, fields are known by what incidents show."""
    router.get(DEFINITIONS).respond(404, json={"errors": ["not found"]})
    offers = await system.offers(
        {"fields.severity": ["SEV-9"], "fields.slug": (), "fields.region": ()}
    )
    assert offers == {
        "fields.severity": Offer(),
        "fields.slug": Offer(),
        "fields.region": Offer(there=False),
    }


async def test_where_the_type_is_not_known_all_count(
    router: respx.MockRouter, system: Datadog
) -> None:
    """A key that may not list the types sees the definitions of every one of them."""
    router.get(f"{API}/api/v2/incidents/config/types").respond(403, json={"errors": ["Forbidden"]})
    route = defined(router, definition("severity", 1, "SEV-1", "SEV-9"))
    offers = await system.offers({"fields.severity": ["SEV-2", "SEV-9", "SEV-0"]})
    words = ("SEV-1", "SEV-2", "UNKNOWN", "SEV-9")
    assert offers == {"fields.severity": Offer(missing=("SEV-0",), words=words)}
    assert all("filter[incident-type]" not in query for query in asked(route))


@pytest.mark.parametrize(
    ("status", "error"), [(401, Denied), (403, Denied), (404, Unreachable), (500, Unreachable)]
)
async def test_an_organisation_that_does_not_answer_offers_nothing(
    router: respx.MockRouter, status: int, error: type[Exception]
) -> None:
    """A key of another site is refused like a bad one, with 403: that is an error."""
    router.get(f"{API}/api/v2/incidents").respond(status, json={"errors": ["no"]})
    with pytest.raises(error):
        await made(router).offers({"title": ()})
