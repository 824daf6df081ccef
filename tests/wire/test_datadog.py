"""Datadog on the wire: the requests that are made, and the traps of its contract."""

from __future__ import annotations

from typing import Any

import pytest
import respx
import structlog

from instep.core.model import Mark, Words
from instep.errors import ConfigError, Denied, Gone, Rejected, Unreachable
from instep.systems.datadog import Datadog
from tests.wire.datadog import (
    ANA,
    API,
    BEN,
    ID,
    answer_list,
    answer_types,
    answer_writes,
    incident,
    made,
    read,
)
from tests.wire.helpers import MARK, sent

# Reading


async def test_words_of_an_incident(router: respx.MockRouter) -> None:
    """Fields by name, lists sorted, empty of every kind as None; UNKNOWN is a word."""
    system = made(router)
    raw = incident(fields={"count": {"type": "number", "value": 3}})
    assert system.words(await read(system, router, raw)) == {
        "title": "Checkout latency",
        "fields.severity": "UNKNOWN",
        "fields.state": "active",
        "fields.summary": None,
        "fields.services": ("a", "b"),
        "fields.count": 3,
        "commander": ("ana@example.com",),
        "customer_impact_start": "2026-02-16T09:40:00+00:00",
        "customer_impact_end": None,
        "detected": "2026-02-16T09:47:35.502740+00:00",
        "resolved": None,
        "customer_impact_scope": None,
    }


async def test_what_a_record_shows(router: respx.MockRouter) -> None:
    """The UUID is the id, the public number what people see; ours is the mark among the values."""
    record = await read(made(router), router, incident())
    assert (record.id, record.display) == (ID, "IR-336599")
    assert record.url == "https://app.datadoghq.eu/incidents/336599"
    assert record.birth == "2026-02-16T09:47:35.513888+00:00"
    assert record.opened == "2026-02-16T09:47:35.513888Z"
    assert record.mark == Mark(MARK.origin, MARK.display, MARK.uid)


@pytest.mark.parametrize("slug", ["INC0012", None, "IR-3365990"])
async def test_a_foreign_slug_is_not_shown(router: respx.MockRouter, slug: str | None) -> None:
    """The slug may be a ServiceNow record, and was missing before 2026."""
    raw = incident(fields={"slug": {"type": "textbox", "value": slug}})
    assert (await read(made(router), router, raw)).display == "336599"


@pytest.mark.parametrize(
    "values",
    [None, [], ["https://jira.example.com/browse/X-1"], ["TICKET-1", "a:b"], "TICKET-1", [7]],
)
async def test_a_users_own_references_are_no_marks(router: respx.MockRouter, values: Any) -> None:
    """People write into the reference field; nothing of theirs reads as a mark."""
    raw = incident(fields={"external_reference": {"type": "textarray", "value": values}})
    assert (await read(made(router), router, raw)).mark is None


async def test_the_order_of_keys_does_not_matter(router: respx.MockRouter) -> None:
    """Fields come in another order at each answer; the digest stays."""
    system = made(router)
    raw = incident()
    first = await read(system, router, raw)
    fields = dict(reversed(raw["attributes"]["fields"].items()))
    turned = raw | {"attributes": raw["attributes"] | {"fields": fields}}
    assert (await read(system, router, turned)).digest == first.digest


@pytest.mark.parametrize(
    ("site", "app"),
    [
        ("datadoghq.com", "https://app.datadoghq.com"),
        ("ddog-gov.com", "https://app.ddog-gov.com"),
        ("us5.datadoghq.com", "https://us5.datadoghq.com"),
    ],
)
async def test_links_are_not_those_of_the_api(
    router: respx.MockRouter, site: str, app: str
) -> None:
    """Some sites serve people at a host of its own name, others at their bare name."""
    system = made(router, site=site, url=API)
    assert (await read(system, router, incident())).url == f"{app}/incidents/336599"


@pytest.mark.parametrize(
    "site",
    [
        "datadoghq.com",
        "us3.datadoghq.com",
        "us5.datadoghq.com",
        "datadoghq.eu",
        "ap1.datadoghq.com",
        "ap2.datadoghq.com",
        "uk1.datadoghq.com",
        "ddog-gov.com",
        "us2.ddog-gov.com",
    ],
)
async def test_every_site_has_an_api_of_its_own(router: respx.MockRouter, site: str) -> None:
    """Its host is the site's, unless an address is given."""
    router.get(f"https://api.{site}/api/v2/incidents/{ID}").respond(json={"data": incident()})
    system = made(router, ["title"], site=site)
    assert (await system.read(ID)).id == ID


async def test_people_may_be_sent_elsewhere(router: respx.MockRouter) -> None:
    """An organisation may have an address of its own for the web application."""
    system = made(router, app_url="https://acme.datadoghq.eu/")
    record = await read(system, router, incident())
    assert record.url == "https://acme.datadoghq.eu/incidents/336599"


async def test_keys_or_a_bearer_are_sent(router: respx.MockRouter) -> None:
    """Two keys, or an OAuth token in their place."""
    route = router.get(f"{API}/api/v2/incidents/{ID}").respond(json={"data": incident()})
    await made(router).read(ID)
    headers = route.calls.last.request.headers
    assert (headers["dd-api-key"], headers["dd-application-key"]) == ("api", "app")
    await made(router, bearer="oauth").read(ID)
    headers = route.calls.last.request.headers
    assert headers["authorization"] == "Bearer oauth"
    assert "dd-api-key" not in headers


def test_a_path_that_datadog_does_not_have() -> None:
    """An unknown path is a mistake in the configuration."""
    with pytest.raises(ConfigError):
        Datadog.connect("datadog", ["severity"], api_key="a", app_key="b")


async def test_a_wrong_site_is_advised(router: respx.MockRouter) -> None:
    """A key of another site is refused like a bad one."""
    router.get(f"{API}/api/v2/incidents/{ID}").respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Denied, match="Forbidden") as caught:
        await made(router).read(ID)
    assert "datadoghq.eu" in caught.value.advice


# Absence


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"errors": [f"incident {ID} not found"]}, Gone),
        ({"errors": [{"title": "Generic Error", "detail": "incident not found"}]}, Gone),
        ({"errors": [{"status": "404", "title": "Not Found"}]}, Unreachable),
        ({"errors": [{"title": "Generic Error", "detail": "malformed incident ID"}]}, Unreachable),
        ({"errors": ["Not found"]}, Unreachable),
        ("<html>", Unreachable),
    ],
)
async def test_what_a_404_means(
    router: respx.MockRouter, body: Any, error: type[Exception]
) -> None:
    """Only a body that says that the incident is not there makes it gone."""
    router.get(f"{API}/api/v2/incidents/{ID}").respond(404, json=body)
    with pytest.raises(error):
        await made(router).read(ID)


@pytest.mark.parametrize(
    ("born", "marked", "hidden"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, False)],
)
async def test_a_private_incident_is_not_read(
    router: respx.MockRouter, born: bool, marked: bool, hidden: bool
) -> None:
    """One that turned private is held, whoever made it: what is said there from then is a secret.

    Where all of a type are private from the start, instep goes on with those that it made.
    """
    system = made(router, ["title"])
    types = answer_types(router, private_incidents_by_default=born)
    none = {"external_reference": {"type": "textarray", "value": None}}
    raw = incident(visibility="private", fields={} if marked else none)
    for _ in range(2):
        answer_list(router, [raw, incident(1)], [])
        pages = [page async for page in system.changes(None)]
        shown = [one.display for page in pages for one in page.records]
        assert shown == (["IR-1"] if hidden else ["IR-336599", "IR-1"])
    assert types.call_count == marked
    if hidden:
        with pytest.raises(Rejected, match="private"):
            await read(system, router, raw)


async def test_types_that_may_not_be_listed_hide_what_is_private(router: respx.MockRouter) -> None:
    """Nobody says that it was private from the start, so it is not copied."""
    system = made(router, ["title"])
    router.get(f"{API}/api/v2/incidents/config/types").respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Rejected, match="private"):
        await read(system, router, incident(visibility="private"))


# Listing


async def test_a_listing_is_walked_by_what_came(router: respx.MockRouter) -> None:
    """The offset grows by the rows received; only an empty page is the end; no row comes twice."""
    route = answer_list(
        router, [incident(1), incident(2)], [incident(2), incident(3), incident(4)], []
    )
    pages = [page async for page in made(router).changes(None)]
    asked = [dict(call.request.url.params) for call in route.calls]
    assert asked == [{"page[size]": "100", "page[offset]": offset} for offset in ("0", "2", "5")]
    assert [one.display for page in pages for one in page.records] == [
        "IR-1",
        "IR-2",
        "IR-3",
        "IR-4",
    ]
    assert [(page.complete, page.cursor) for page in pages] == [
        (False, None),
        (False, None),
        (True, None),
    ]


async def test_test_and_private_incidents_are_left_out(router: respx.MockRouter) -> None:
    """Neither drills nor secrets are copied elsewhere."""
    none = {"external_reference": {"type": "textarray", "value": None}}
    rows = [
        incident(1, is_test=True),
        incident(2, visibility="private", fields=none),
        incident(3),
    ]
    answer_list(router, rows, [])
    pages = [page async for page in made(router).changes(None)]
    assert [one.display for page in pages for one in page.records] == ["IR-3"]


async def test_find_sees_private_incidents(router: respx.MockRouter) -> None:
    """A type may make all incidents private: ours must be found, or it would be made again."""
    answer_list(router, [incident(1, visibility="private"), incident(2, fields={})], [])
    found = await made(router).find(MARK)
    assert [one.display for one in found] == ["IR-1", "IR-2"]
    answer_list(router, [incident(1)], [])
    assert await made(router).find(Mark("devrev", "INC-1", "other")) == []


async def test_a_listing_that_is_not_enabled(router: respx.MockRouter) -> None:
    """A 404 of the listing means that the product is not enabled: nothing is gone."""
    router.get(f"{API}/api/v2/incidents").respond(404, json={"errors": ["incident not found"]})
    with pytest.raises(Unreachable) as caught:
        [page async for page in made(router).changes(None)]
    assert "enabled" in caught.value.advice


async def test_a_commander_is_looked_up_once(router: respx.MockRouter) -> None:
    """E-mails are asked for by id, remembered, and not at all where nobody asks for them."""
    answer_list(router, [incident(1), incident(2)], [])
    system = made(router)
    [page async for page in system.changes(None)]
    answer_list(router, [incident(1), incident(2)], [])
    [page async for page in system.changes(None)]
    users = router.get(f"{API}/api/v2/users/{ANA}")
    assert users.call_count == 1
    answer_list(router, [incident(1)], [])
    [page async for page in made(router, ["title"]).changes(None)]
    assert users.call_count == 1


async def test_a_commander_who_cannot_be_shown(router: respx.MockRouter) -> None:
    """A user without an e-mail, or deleted, is still somebody: the id, and never nobody."""
    system = made(router)
    router.get(f"{API}/api/v2/users/{ANA}").respond(404, json={"errors": ["User not found"]})
    with structlog.testing.capture_logs() as events:
        record = await read(system, router, incident())
    assert system.words(record)["commander"] == (ANA,)
    assert "name.unknown" in [event["event"] for event in events]


async def test_an_answer_without_a_user_is_nobodys_absence(router: respx.MockRouter) -> None:
    """Something else than a user in place of one stops the side: a commander is not emptied."""
    system = made(router)
    router.get(f"{API}/api/v2/users/{ANA}").respond(json={"data": []})
    with pytest.raises(Unreachable):
        await read(system, router, incident())


# Writing


async def test_a_create(router: respx.MockRouter) -> None:
    """Title, not impacted, fields by type, the mark, the commander; no times and no handles."""
    create, _ = answer_writes(router)
    system = made(router)
    await read(system, router, incident())
    words: Words = {
        "title": "T",
        "fields.severity": "SEV-2",
        "fields.services": ("a", "b"),
        "commander": ("ben@example.com",),
        "customer_impact_start": "2026-02-03T09:12:00Z",
        "customer_impact_scope": None,
    }
    written = await system.create(words, MARK)
    assert sent(create) == {
        "data": {
            "type": "incidents",
            "attributes": {
                "title": "T",
                "customer_impacted": False,
                "fields": {
                    "severity": {"type": "dropdown", "value": "SEV-2"},
                    "services": {"type": "autocomplete", "value": ["a", "b"]},
                    "external_reference": {"type": "textarray", "value": [str(MARK)]},
                },
            },
            "relationships": {"commander_user": {"data": {"type": "users", "id": BEN}}},
        }
    }
    assert system.words(written.record)["commander"] == ("ana@example.com",)


async def test_an_update_sends_what_changes(router: respx.MockRouter) -> None:
    """Only the given paths, each as its type wants it; null clears; the echo has no people."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    words: Words = {
        "fields.summary": None,
        "fields.services": "c",
        "customer_impact_end": None,
        "customer_impact_start": "2026-02-03T09:12:00Z",
        "commander": None,
    }
    written = await system.update(seen, words)
    assert sent(patch) == {
        "data": {
            "id": ID,
            "type": "incidents",
            "attributes": {
                "fields": {
                    "summary": {"type": "textbox", "value": None},
                    "services": {"type": "autocomplete", "value": ["c"]},
                },
                "customer_impact_end": None,
                "customer_impact_start": "2026-02-03T09:12:00Z",
            },
            "relationships": {"commander_user": {"data": None}},
        }
    }
    assert "commander" not in written.echo
    assert written.echo["title"] == "Checkout latency"


async def test_an_unknown_commander_is_not_sent(router: respx.MockRouter) -> None:
    """Nobody is removed for being unknown; the echo says who stands there; nothing is written."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    with structlog.testing.capture_logs() as events:
        written = await system.update(seen, {"commander": ("zoe@example.com",)})
    assert not patch.called
    assert written.echo == {"commander": ("ana@example.com",)}
    assert "name.unknown" in [event["event"] for event in events]
    await system.update(seen, {"title": "T", "commander": ("zoe@example.com", "ben@example.com")})
    assert sent(patch)["data"]["relationships"]["commander_user"]["data"]["id"] == BEN


async def test_a_reference_field_that_is_mapped_keeps_its_mark(router: respx.MockRouter) -> None:
    """Whoever writes the reference field writes the mark along."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    await system.update(seen, {"fields.external_reference": ("TICKET-2",)})
    fields = sent(patch)["data"]["attributes"]["fields"]
    assert fields["external_reference"]["value"] == ["TICKET-2", str(MARK)]


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (["TICKET-1", str(MARK)], ("TICKET-1",)),
        ([str(MARK)], None),
        (["TICKET-1"], ("TICKET-1",)),
        ("TICKET-1", "TICKET-1"),
        (str(MARK), None),
        (None, None),
    ],
)
async def test_a_mark_is_no_value_of_the_reference_field(
    router: respx.MockRouter, value: Any, word: Any
) -> None:
    """Mapped, the field says people's references: the mark is not copied, nor written twice."""
    system = made(router, ["title", "fields.external_reference"])
    raw = incident(fields={"external_reference": {"type": "textarray", "value": value}})
    assert system.words(await read(system, router, raw))["fields.external_reference"] == word


@pytest.mark.parametrize(
    "body",
    [
        {"errors": ["invalid value"]},
        {"errors": [{"title": "Bad Request", "detail": "invalid value"}]},
    ],
)
async def test_both_families_of_errors_are_read(router: respx.MockRouter, body: Any) -> None:
    """A refusal says why, in either form."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    patch.respond(400, json=body)
    with pytest.raises(Rejected, match="invalid value"):
        await system.update(seen, {"title": "T"})


@pytest.mark.parametrize(
    "body", [{"data": {"type": "incidents"}}, {"data": {"id": [ID]}}, {"data": []}, {}, []]
)
async def test_an_answer_without_an_incident_is_unusable(
    router: respx.MockRouter, body: Any
) -> None:
    """A write that is answered with something else may have happened all the same."""
    _, patch = answer_writes(router)
    system = made(router)
    seen = await read(system, router, incident())
    patch.respond(json=body)
    with pytest.raises(Unreachable) as caught:
        await system.update(seen, {"title": "T"})
    assert caught.value.unclear


async def test_people_who_may_not_be_looked_up(router: respx.MockRouter) -> None:
    """A check finds out that the key lacks the permission to read users."""
    answer_list(router, [])
    system = made(router)
    router.get(f"{API}/api/v2/users").respond(403, json={"errors": ["Forbidden"]})
    with pytest.raises(Denied) as caught:
        await system.check()
    assert "user_access_read" in caught.value.advice
