"""DevRev's traps: what looks like one thing and is another, and what must not be written."""

from __future__ import annotations

import pytest
import respx

from instep.errors import ConfigError, Gone, Rejected, Unreachable
from instep.systems.devrev import DevRev
from tests.wire.devrev import (
    API,
    CORE,
    ID,
    INCIDENT,
    SCHEMA,
    USER,
    answer_names,
    answer_writes,
    made,
    read,
)
from tests.wire.helpers import MARK, sent

# What the service only shows, and what it never shows


async def test_closed_is_a_state_and_not_a_stage(router: respx.MockRouter) -> None:
    """Several stages are final, ``duplicate`` among them: the state says so, and is only read."""
    state = {"id": f"{CORE}:custom_state/3", "name": "closed", "is_final": True}
    raw = INCIDENT | {"stage": {"stage": {"name": "duplicate"}, "state": state}}
    system = made(router, ["stage", "state", "subtype"])
    seen = await read(system, router, raw | {"subtype": "outage"})
    assert system.words(seen) == {"stage": "duplicate", "state": "closed", "subtype": "outage"}
    assert {"state", "subtype", "actual_close_date"} <= system.abilities.read_only
    route = answer_writes(router, raw)
    await system.update(seen, {"state": "open", "subtype": "x", "actual_close_date": "2026-02-03"})
    assert not route.called


async def test_a_stage_move_sends_no_dates(router: respx.MockRouter) -> None:
    """Acknowledged and mitigated dates do not follow the stage: only what was said is sent."""
    answer_names(router)
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    await system.update(seen, {"stage": "resolved"})
    assert set(sent(route)) == {"id", "stage", "stage_validation_options", "sync_metadata"}


@pytest.mark.parametrize(
    "path",
    ["related_docs", "staged_info", "external_source_data", "sync_metadata"],
)
def test_what_can_only_be_written_is_no_path(path: str) -> None:
    """A field that is never read back would always look different, so it cannot be mapped."""
    with pytest.raises(ConfigError):
        DevRev.connect("devrev", [path], token="t")


@pytest.mark.parametrize("path", ["impact", "impact.count"])
def test_the_impact_count_is_no_number_of_customers(path: str) -> None:
    """``impact.count`` is the id of an enumerated value that is published nowhere: no path."""
    with pytest.raises(ConfigError):
        DevRev.connect("devrev", [path], token="t")


async def test_who_reported_it_is_an_enumerated_value(router: respx.MockRouter) -> None:
    """``reported_by`` is no user: it reads as a label and is written as the label's number."""
    answer_names(router)
    system = made(router, ["reported_by", "source"])
    raw = INCIDENT | {"reported_by": {"id": 3, "label": "System", "ordinal": 3}}
    seen = await read(system, router, raw)
    assert system.words(seen) == {"reported_by": "System", "source": None}
    route = answer_writes(router, raw)
    await system.update(seen, {"reported_by": "Customer", "source": None})
    assert sent(route)["reported_by"] == 1
    with pytest.raises(Rejected) as caught:
        await system.update(seen, {"reported_by": "Nobody"})
    assert caught.value.advice == "its names are: Customer, System"


async def test_a_label_that_was_added_is_found(router: respx.MockRouter) -> None:
    """Labels are editable at any time: one that is not known is looked for once more."""
    answer_writes(router)
    system = made(router)
    await system.create({"title": "T", "severity": "sev-1"}, MARK)
    values = [{"id": 1, "label": "sev-0"}, {"id": 7, "label": "sev-x"}]
    schema = {"stock_fields": [{"name": "severity", "allowed_values": values}]}
    router.post(f"{API}/schemas.aggregated.get").respond(json={"schema": schema})
    await system.create({"title": "T", "severity": "sev-x"}, MARK)
    assert sent(router.post(f"{API}/incidents.create"))["severity"] == 7


async def test_a_subtype_may_have_stages_and_labels_of_its_own(router: respx.MockRouter) -> None:
    """An incident of a subtype is written by the subtype's diagram and labels."""
    answer_names(router)
    own = {
        "stage_diagram_id": {"id": "diagram/7"},
        "stock_field_overrides": [
            {"name": "severity", "uenum_values": [{"id": 1, "label": "blackout"}]}
        ],
    }
    system = made(router, ["stage", "severity"])
    route = router.post(f"{API}/schemas.aggregated.get")
    route.side_effect = [respx.MockResponse(json={"schema": one}) for one in (own, SCHEMA)]
    raw = INCIDENT | {"subtype": "outage"}
    seen = await read(system, router, raw)
    written = answer_writes(router, raw)
    await system.update(seen, {"stage": "resolved", "severity": "blackout"})
    assert sent(written)["severity"] == 1
    assert sent(route, 0)["custom_schema_spec"] == {"subtype": "outage"}
    assert sent(router.post(f"{API}/stage-diagrams.get")) == {"id": "diagram/7"}


async def test_unknown_members_are_tolerated(router: respx.MockRouter) -> None:
    """The API is beta: new keys and new enumerated values are read, not refused."""
    raw = INCIDENT | {
        "brand_new": {"a": [1]},
        "severity": {"id": 99, "label": "sev-new", "hue": "red"},
        "stage": {"stage": {"name": "invented"}, "state": {"name": "limbo"}, "x": 1},
    }
    system = made(router, ["severity", "stage", "state"])
    assert system.words(await read(system, router, raw)) == {
        "severity": "sev-new",
        "stage": "invented",
        "state": "limbo",
    }


# Own writes


async def test_an_own_write_comes_back_as_the_record_that_was_read(
    router: respx.MockRouter,
) -> None:
    """Own writes are listed again: they are known by their content, whoever is their author."""
    system = made(router)
    seen = await read(system, router, INCIDENT)
    answer_writes(router, INCIDENT | {"title": "New", "modified_by": {"id": f"{USER}/7"}})
    written = await system.update(seen, {"title": "New"})
    router.post(f"{API}/incidents.list").respond(json={"incidents": [written.record.raw]})
    (page,) = [page async for page in system.changes("2026-02-03T09:41:12Z")]
    assert page.records == (written.record,)
    assert written.echo["title"] == "New"


async def test_sync_metadata_is_sent_only_with_a_real_change(router: respx.MockRouter) -> None:
    """Writing "last synced" is a change itself: alone it is never sent, and it is no word."""
    system = made(router)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    await system.update(seen, {"severity": None, "identified_date": None})
    assert not route.called
    assert not any(path.startswith("sync") for path in system.words(seen))


async def test_missing_keys_are_not_written_back(router: respx.MockRouter) -> None:
    """A response leaves out what is empty: an update names only what changes."""
    system = made(router)
    seen = await read(system, router, {"id": ID, "title": "T"})
    route = answer_writes(router)
    await system.update(seen, {"title": "New", "severity": None, "tags": None})
    assert sent(route) == {"id": ID, "title": "New", "tags": {"set": []}}


async def test_a_create_without_an_answer_is_sent_once(router: respx.MockRouter) -> None:
    """There is no key that makes a create safe to repeat: it is unclear, and looked up."""
    route = router.post(f"{API}/incidents.create").respond(503, json={"type": "x"})
    with pytest.raises(Unreachable) as caught:
        await made(router).create({"title": "T"}, MARK)
    assert (route.call_count, caught.value.unclear) == (1, True)


async def test_many_incidents_with_one_reference_are_all_found(router: respx.MockRouter) -> None:
    """References are not unique and people edit them: every match is given, for others to judge."""
    twin = INCIDENT | {"id": f"{CORE}:incident/13"}
    pages = [{"incidents": [INCIDENT], "next_cursor": "a"}, {"incidents": [twin]}]
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    assert [one.id for one in await made(router).find(MARK)] == [ID, twin["id"]]


async def test_incidents_that_share_an_instant_are_all_listed(router: respx.MockRouter) -> None:
    """A range is inclusive and grained to milliseconds: ties are asked for again, never skipped."""
    ties = [INCIDENT | {"id": f"{CORE}:incident/{n}"} for n in (12, 13, 14)]
    route = router.post(f"{API}/incidents.list").respond(json={"incidents": ties})
    since = str(INCIDENT["modified_date"])
    (page,) = [page async for page in made(router).changes(since)]
    assert len(page.records) == 3
    assert page.cursor == since
    assert sent(route)["modified_date"]["after"] < since


async def test_a_listing_without_an_incident_says_nothing_of_it(router: respx.MockRouter) -> None:
    """Deletes leave no trace in listings: a listing of changes is never complete, a read tells."""
    router.post(f"{API}/incidents.list").respond(json={"incidents": []})
    system = made(router)
    pages = [page async for page in system.changes("2026-02-03T09:41:12Z")]
    assert [(page.records, page.complete) for page in pages] == [((), False)]
    router.post(f"{API}/incidents.get").respond(404, json={"type": "not_found"})
    with pytest.raises(Gone):
        await system.read(ID)


async def test_no_webhook_is_needed(router: respx.MockRouter) -> None:
    """Webhooks come unordered, twice or never: what was dropped is in the next listing."""
    router.post(f"{API}/incidents.list").respond(json={"incidents": [INCIDENT]})
    system = made(router)
    for _ in range(2):
        (page,) = [page async for page in system.changes("2026-02-03T00:00:00Z")]
        assert [one.id for one in page.records] == [ID]
    assert not any("webhooks" in str(call.request.url) for call in router.calls)
    assert await system.prepare() == ()


async def test_the_limit_is_shared_by_all_that_use_the_token(router: respx.MockRouter) -> None:
    """Others may use it up: a read waits as the reset says, a write had no effect."""
    route = router.post(f"{API}/incidents.get")
    route.side_effect = [
        respx.MockResponse(429, headers={"X-Ratelimit-Reset": "1"}, json={"type": "x"}),
        respx.MockResponse(json={"incident": INCIDENT}),
    ]
    system = made(router)
    assert (await system.read(ID)).id == ID
    router.post(f"{API}/incidents.create").respond(429, json={"retry_after": 30})
    with pytest.raises(Unreachable) as caught:
        await system.create({"title": "T"}, MARK)
    assert not caught.value.unclear


async def test_closing_gives_connections_back(router: respx.MockRouter) -> None:
    """A closed system sends nothing more."""
    system = made(router)
    await system.close()
    with pytest.raises(RuntimeError, match="closed"):
        await system.read(ID)
