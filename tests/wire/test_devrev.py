"""DevRev on the wire: the requests that are made, and the traps of its contract."""

from __future__ import annotations

from typing import Any

import pytest
import respx
import structlog

from instep.core.model import Mark, Words
from instep.errors import ConfigError, Gone, Rejected, Unreachable
from instep.systems.devrev import DevRev
from tests.wire.devrev import (
    API,
    CORE,
    ID,
    INCIDENT,
    REFERENCE,
    SCHEMA,
    USER,
    answer_names,
    answer_writes,
    made,
    read,
)
from tests.wire.helpers import MARK, sent

# Reading


async def test_words_of_an_incident(router: respx.MockRouter) -> None:
    """Names and digits as people see them; owners without an e-mail are not seen."""
    system = made(router)
    assert system.words(await read(system, router, INCIDENT)) == {
        "title": "Checkout latency above 5 s",
        "body": "p95 rose at **09:12**.",
        "severity": "sev-1",
        "stage": "acknowledged",
        "identified_date": "2026-02-03T09:12:00Z",
        "actual_close_date": None,
        "owned_by": ("ana@example.com",),
        "applies_to_parts": ("checkout-api",),
        "tags": ("region",),
        "custom_fields.tnt__ext_status": "monitoring",
        "custom_fields.ctype__rca": None,
    }


@pytest.mark.parametrize("nothing", [{}, None, "", []])
async def test_what_is_missing_is_unset(router: respx.MockRouter, nothing: Any) -> None:
    """Only id and title must be there; missing, null and empty all mean nothing said."""
    system = made(router)
    keys = set(INCIDENT) - {"id", "title"}
    raw = {"id": ID, "title": "T"} | ({} if nothing == {} else dict.fromkeys(keys, nothing))
    said = system.words(await read(system, router, raw))
    assert {path for path, word in said.items() if word is not None} == {"title"}


async def test_what_a_record_shows(router: respx.MockRouter) -> None:
    """Id, birth, link and mark; our reference is a URL that ends in the incident's uid."""
    record = await read(made(router, app_url="https://app.devrev.ai/acme"), router, INCIDENT)
    assert (record.id, record.display) == (ID, "INC-12")
    assert record.url == "https://app.devrev.ai/acme/incidents/INC-12"
    assert record.opened == record.birth == "2026-02-03T09:15:01.207Z"
    assert record.modified == "2026-02-03T09:41:12.1Z"
    assert record.mark == Mark("datadog", "", MARK.uid, MARK.url)


async def test_a_users_own_reference_is_no_mark(router: respx.MockRouter) -> None:
    """AirSync and people write external references too."""
    raw = INCIDENT | {"sync_metadata": {"external_reference": "https://jira.example.com/X-1"}}
    assert (await read(made(router), router, raw)).mark is None


async def test_headers_of_every_request(router: respx.MockRouter) -> None:
    """Bearer token and beta scope are sent, a version only if configured."""
    route = router.post(f"{API}/incidents.get").respond(json={"incident": INCIDENT})
    await made(router).read(ID)
    headers = route.calls.last.request.headers
    assert headers["authorization"] == "Bearer tok"
    assert headers["x-devrev-scope"] == "beta"
    assert headers["content-type"] == "application/json"
    assert "x-devrev-version" not in headers
    await made(router, version="2022-10-20", beta=False).read(ID)
    headers = route.calls.last.request.headers
    assert (headers["x-devrev-version"], "x-devrev-scope" in headers) == ("2022-10-20", False)


def test_a_path_that_devrev_does_not_have() -> None:
    """An unknown path is a mistake in the configuration, found before anything is sent."""
    with pytest.raises(ConfigError) as caught:
        DevRev.connect("devrev", ["title", "fields.severity"], token="t")
    assert "fields.severity" in caught.value.problems[0].message


# Absence


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"type": "not_found", "message": "Not Found"}, Gone),
        (400, {"type": "invalid_id", "message": "Bad Request", "field_name": "id"}, Gone),
        (404, {"message": "route not found"}, Unreachable),
        (405, {}, Unreachable),
        (400, {"type": "bad_request", "message": "Bad Request"}, Rejected),
        (301, {}, Rejected),
    ],
)
async def test_what_an_unanswered_get_means(
    router: respx.MockRouter, status: int, body: Any, error: type[Exception]
) -> None:
    """Only the service's own words make an incident gone: a 404 without a type is a route."""
    router.post(f"{API}/incidents.get").respond(status, json=body)
    with pytest.raises(error):
        await made(router).read(ID)


# Listing


async def test_a_listing_walks_its_cursor(router: respx.MockRouter) -> None:
    """The same body with the cursor, until none comes; an empty page is not the end."""
    later = INCIDENT | {"id": f"{CORE}:incident/13", "modified_date": "2026-02-03T09:41:12.15Z"}
    pages = [
        {"incidents": [INCIDENT], "next_cursor": "a"},
        {"incidents": [], "next_cursor": "b", "prev_cursor": "z"},
        {"incidents": [later]},
    ]
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    seen = [page async for page in made(router).changes("2026-02-03T09:41:12.1Z")]
    asked = {
        "modified_date": {"type": "range", "after": "2026-02-03T09:40:42.100Z"},
        "sort_by": ["modified_date:asc"],
        "limit": 100,
    }
    assert [sent(route, n) for n in range(3)] == [
        asked,
        asked | {"cursor": "a"},
        asked | {"cursor": "b"},
    ]
    assert [len(page.records) for page in seen] == [1, 0, 1]
    assert [page.cursor for page in seen][-1] == "2026-02-03T09:41:12.15Z"
    assert not any(page.complete for page in seen)


async def test_a_whole_listing_has_no_filter(router: respx.MockRouter) -> None:
    """Everything is listed, oldest change first, and the last page is complete."""
    route = router.post(f"{API}/incidents.list").respond(json={"incidents": [INCIDENT]})
    (page,) = [page async for page in made(router).changes(None)]
    assert sent(route) == {"sort_by": ["modified_date:asc"], "limit": 100}
    assert (page.complete, page.cursor) == (True, INCIDENT["modified_date"])


async def test_cursors_are_compared_as_instants(router: respx.MockRouter) -> None:
    """Trailing zeros are dropped by the service: .9Z is later than .15Z, and never goes back."""
    rows = [INCIDENT | {"modified_date": f"2026-02-03T09:41:12{end}"} for end in (".15Z", ".9Z")]
    router.post(f"{API}/incidents.list").respond(json={"incidents": [*rows, rows[0]]})
    (page,) = [page async for page in made(router).changes(None)]
    assert page.cursor == "2026-02-03T09:41:12.9Z"
    (page,) = [page async for page in made(router).changes("2026-02-03T09:41:13Z")]
    assert page.cursor == "2026-02-03T09:41:13Z"


async def test_a_cursor_that_does_not_move_is_an_error(router: respx.MockRouter) -> None:
    """A listing that would never end is given up."""
    router.post(f"{API}/incidents.list").respond(json={"incidents": [], "next_cursor": "a"})
    with pytest.raises(Unreachable, match="does not move"):
        [page async for page in made(router).changes(None)]


async def test_cursors_that_go_in_circles_are_an_error(router: respx.MockRouter) -> None:
    """Two cursors that name each other would be walked for ever as well as one."""
    pages = [{"incidents": [], "next_cursor": cursor} for cursor in "abca"]
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    with pytest.raises(Unreachable, match="does not move"):
        [page async for page in made(router).changes(None)]
    assert route.call_count == 4


@pytest.mark.parametrize("cursor", [7, {"id": "a"}, ["a"], True])
async def test_a_cursor_that_is_no_text_is_not_the_end(
    router: respx.MockRouter, cursor: Any
) -> None:
    """A listing that ends there would be called complete, and what it hides be taken for gone."""
    router.post(f"{API}/incidents.list").respond(
        json={"incidents": [INCIDENT], "next_cursor": cursor}
    )
    seen = []
    with pytest.raises(Unreachable, match="no text"):
        seen += [page async for page in made(router).changes(None)]
    assert not seen


async def test_a_clock_that_was_ahead_hides_nothing(router: respx.MockRouter) -> None:
    """A cursor in the future would leave out every change until then: it never goes there."""
    rows = [INCIDENT, INCIDENT | {"id": f"{ID}3", "modified_date": "9999-01-01T00:00:00Z"}]
    router.post(f"{API}/incidents.list").respond(json={"incidents": rows})
    system = made(router, ["title"])
    for since in (None, "2026-02-03T09:00:00Z"):
        (page,) = [page async for page in system.changes(since)]
        assert ([one.id for one in page.records], page.cursor) == (
            [ID, f"{ID}3"],
            INCIDENT["modified_date"],
        )


async def test_a_date_that_was_never_set_is_no_trouble(router: respx.MockRouter) -> None:
    """It may be spelled as the first day of year one, before which no calendar reaches."""
    never = "0001-01-01T00:00:00Z"
    route = router.post(f"{API}/incidents.list").respond(
        json={"incidents": [INCIDENT | {"modified_date": never}]}
    )
    (page,) = [page async for page in made(router, ["title"]).changes(never)]
    assert (len(page.records), page.cursor) == (1, never)
    assert sent(route)["modified_date"] == {"type": "range", "after": "0001-01-01T00:00:00.000Z"}


async def test_one_unreadable_row_costs_one_record(router: respx.MockRouter) -> None:
    """A row without an id is left out with a warning."""
    router.post(f"{API}/incidents.list").respond(json={"incidents": [None, {}, INCIDENT]})
    with structlog.testing.capture_logs() as events:
        (page,) = [page async for page in made(router).changes(None)]
    assert [one.id for one in page.records] == [ID]
    assert "record.unreadable" in [event["event"] for event in events]


async def test_find_asks_for_the_reference_and_checks_it(router: respx.MockRouter) -> None:
    """A filter may be ignored or widened; what comes back is looked at."""
    other = INCIDENT | {"sync_metadata": {"external_reference": "https://x.example.com#instep-no"}}
    route = router.post(f"{API}/incidents.list").respond(json={"incidents": [INCIDENT, other]})
    assert [one.id for one in await made(router).find(MARK)] == [ID]
    assert sent(route) == {
        "sync_metadata": {"external_reference": [REFERENCE]},
        "limit": 100,
    }


async def test_a_refused_date_filter_is_done_without(router: respx.MockRouter) -> None:
    """Date filters are refused by some: then the latest are listed until they are older."""
    days = {n: f"2026-02-{n:02}T00:00:00Z" for n in (9, 8, 7, 2, 1)}
    rows = {n: INCIDENT | {"id": f"{CORE}:incident/{n}", "modified_date": days[n]} for n in days}
    pages = [
        {"incidents": [rows[9], rows[8]], "next_cursor": "a"},
        {"incidents": [], "next_cursor": "b"},
        {"incidents": [rows[7], rows[2]], "next_cursor": "c"},
        {"incidents": [rows[1]], "next_cursor": "d"},
    ]
    refused = {"type": "invalid_field", "field_name": "modified_date"}
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [
        respx.MockResponse(400, json=refused),
        *(respx.MockResponse(json=page) for page in pages),
    ]
    seen = [page async for page in made(router).changes("2026-02-05T00:00:00Z")]
    assert [one.id[-1] for page in seen for one in page.records] == ["9", "8", "7", "2", "1"]
    # The cursor waits for the last page: what comes before it in time is listed after it.
    assert [page.cursor for page in seen] == ["2026-02-05T00:00:00Z"] * 3 + [days[9]]
    assert not any(page.complete for page in seen)
    assert sent(route) == {"sort_by": ["modified_date:desc"], "limit": 100, "cursor": "c"}


async def test_a_limit_that_is_too_large_is_left_to_the_service(router: respx.MockRouter) -> None:
    """How many incidents a page may have is not documented: refused once, none is asked for."""
    refused = {"type": "value_not_permitted", "field_name": "limit"}
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [
        respx.MockResponse(400, json=refused),
        respx.MockResponse(json={"incidents": [INCIDENT], "next_cursor": "a"}),
        respx.MockResponse(json={"incidents": []}),
        respx.MockResponse(400, json=refused),
    ]
    system = made(router)
    assert len([page async for page in system.changes(None)]) == 2
    assert ["limit" in sent(route, n) for n in range(3)] == [True, False, False]
    with pytest.raises(Unreachable, match="limit"):
        await system.find(MARK)


# Writing


async def test_a_create(router: respx.MockRouter) -> None:
    """Ids for names, bare lists, milliseconds, the mark, and leave to begin in any stage."""
    answer_names(router)
    answer_writes(router)
    words: Words = {
        "title": "T",
        "body": "B",
        "severity": "sev-1",
        "stage": "resolved",
        "identified_date": "2026-02-03T09:12:00Z",
        "owned_by": ("ben@example.com",),
        "applies_to_parts": ("search",),
        "tags": ("p1",),
        "custom_fields.tnt__ext_status": "monitoring",
        "actual_close_date": "2026-02-03T10:00:00Z",
    }
    written = await made(router).create(words, MARK)
    body = sent(router.post(f"{API}/incidents.create"))
    synced = body.pop("sync_metadata")
    assert synced.pop("last_sync_in")["status"] == "succeeded"
    assert synced == {"external_reference": REFERENCE, "origin_system": "datadog"}
    assert body == {
        "title": "T",
        "body": "B",
        "severity": 2,
        "stage": {"stage": f"{CORE}:custom_stage/46"},
        "stage_validation_options": ["allow_non_start"],
        "identified_date": "2026-02-03T09:12:00.000Z",
        "owned_by": [f"{USER}/8"],
        "applies_to_parts": [f"{CORE}:runnable/6"],
        "tags": [{"tag_id": f"{CORE}:tag/3"}],
        "custom_fields": {"tnt__ext_status": "monitoring"},
        "custom_schema_spec": {"tenant_fragment": True},
    }
    assert written.record.id == ID
    assert written.echo["severity"] == "sev-1"


async def test_an_update_replaces_lists_and_keeps_the_nameless(router: respx.MockRouter) -> None:
    """Lists are written whole: what has no name stays, values of tags stay, nulls are not sent."""
    answer_names(router)
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    words: Words = {
        "stage": "resolved",
        "severity": None,
        "identified_date": None,
        "body": None,
        "owned_by": ("ana@example.com", "ben@example.com"),
        "applies_to_parts": None,
        "tags": ("p1", "region"),
    }
    await system.update(seen, words)
    body = sent(route)
    assert body.pop("sync_metadata")["external_reference"] == REFERENCE
    assert body == {
        "id": ID,
        "stage": {"stage": f"{CORE}:custom_stage/46"},
        "stage_validation_options": ["allow_invalid_transition"],
        "body": "",
        "owned_by": {"set": [f"{USER}/0", f"{USER}/7", f"{USER}/8"]},
        "applies_to_parts": {"set": []},
        "tags": {"set": [{"tag_id": f"{CORE}:tag/3"}, {"tag_id": f"{CORE}:tag/9", "value": "eu"}]},
    }


async def test_an_unmarked_record_keeps_its_own_reference(router: respx.MockRouter) -> None:
    """Sync metadata is sent only to records that carry our mark."""
    system = made(router)
    raw = INCIDENT | {"sync_metadata": {"external_reference": "https://jira.example.com/X-1"}}
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {"title": "T"})
    assert sent(route) == {"id": ID, "title": "T"}


async def test_unknown_people_do_not_empty_a_list(router: respx.MockRouter) -> None:
    """Names that DevRev does not know are left out with a warning; the list stays."""
    answer_names(router)
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    with structlog.testing.capture_logs() as events:
        written = await system.update(seen, {"owned_by": ("zoe@example.com",)})
    assert not route.called
    assert written.echo == {"owned_by": ("ana@example.com",)}
    warned = [event for event in events if event["event"] == "name.unknown"]
    assert [(one["path"], one["name"]) for one in warned] == [("owned_by", "zoe@example.com")]


@pytest.mark.parametrize(("path", "valid"), [("severity", "sev-0, sev-1"), ("stage", "resolved")])
async def test_an_unknown_choice_is_rejected(
    router: respx.MockRouter, path: str, valid: str
) -> None:
    """The valid names are said, deprecated ones are none, and nothing is written."""
    answer_names(router)
    with pytest.raises(Rejected) as caught:
        await made(router).create({"title": "T", path: "sev-9"}, MARK)
    assert valid in caught.value.advice


async def test_overrides_of_an_organisation_come_last(router: respx.MockRouter) -> None:
    """Labels are editable; the override says what they are now."""
    answer_names(router)
    schema = SCHEMA | {
        "stock_field_overrides": [
            {"name": "severity", "uenum_values": [{"id": 1, "label": "critical"}]}
        ]
    }
    answer_writes(router)
    await made(router, schema=schema).create({"title": "T", "severity": "critical"}, MARK)
    created = router.post(f"{API}/incidents.create")
    assert sent(created)["severity"] == 1


async def test_names_are_asked_for_once(router: respx.MockRouter) -> None:
    """Severities, stages, people and parts are remembered."""
    answer_names(router)
    answer_writes(router)
    system = made(router)
    words: Words = {"title": "T", "severity": "sev-0", "stage": "triage", "tags": ("p1",)}
    await system.create(words, MARK)
    await system.create(words, MARK)
    assert router.post(f"{API}/schemas.aggregated.get").call_count == 1
    assert router.post(f"{API}/stage-diagrams.get").call_count == 1
    assert router.post(f"{API}/tags.list").call_count == 1


async def test_a_field_of_a_subtype_names_it(router: respx.MockRouter) -> None:
    """A ``ctype__`` field is refused unless the request names the subtype."""
    system = made(router)
    raw = INCIDENT | {"subtype": "outage"}
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {"custom_fields.ctype__rca": ("a", "b")})
    assert sent(route)["custom_schema_spec"] == {"subtype": "outage"}
    assert sent(route)["custom_fields"] == {"ctype__rca": ["a", "b"]}
    with pytest.raises(Rejected, match="subtype"):
        await system.create({"title": "T", "custom_fields.ctype__rca": "x"}, MARK)


async def test_a_refused_write_says_which_field(router: respx.MockRouter) -> None:
    """Messages are generic: type and field are what a person needs."""
    body = {
        "type": "customization_validation_error",
        "message": "Bad Request",
        "subtype": "field_required",
        "field_name": "tnt__rca",
    }
    router.post(f"{API}/incidents.create").respond(400, json=body)
    with pytest.raises(Rejected, match="field_required: tnt__rca"):
        await made(router).create({"title": "T"}, MARK)


async def test_a_created_record_that_cannot_be_read_is_unclear(router: respx.MockRouter) -> None:
    """It was made, so it is looked up later rather than made again."""
    answer_writes(router)
    router.post(f"{API}/incidents.get").respond(404, json={"type": "not_found"})
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"title": "T"}, MARK)
    assert caught.value.unclear


@pytest.mark.parametrize("body", [{"incident": {"title": "T"}}, {"incident": []}, {}, []])
async def test_an_answer_without_an_incident_is_unusable(
    router: respx.MockRouter, body: Any
) -> None:
    """A write that is answered with something else may have happened all the same."""
    router.post(f"{API}/incidents.create").respond(201, json=body)
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"title": "T", "custom_fields.tnt__ext_status": None}, MARK)
    assert caught.value.unclear


async def test_a_listing_that_is_refused_is_not_empty(router: respx.MockRouter) -> None:
    """A filter or sort that the service refuses stops the side, with the field's name."""
    body = {"type": "invalid_field", "message": "Bad Request", "field_name": "sort_by"}
    router.post(f"{API}/incidents.list").respond(400, json=body)
    for since in (None, "2026-02-03T00:00:00Z"):
        with pytest.raises(Unreachable, match="sort_by"):
            [page async for page in made(router).changes(since)]
