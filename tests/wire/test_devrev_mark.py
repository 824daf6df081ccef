"""DevRev's marks: sync metadata that may not be writable, and incidents that are another's."""

from __future__ import annotations

from typing import Any

import pytest
import respx
import structlog

from instep.core.model import Mark
from instep.errors import ConfigError, Denied, Rejected
from instep.systems.devrev import DevRev
from tests.wire.devrev import (
    API,
    ID,
    INCIDENT,
    REFERENCE,
    SCHEMA,
    answer_writes,
    bodies,
    made,
    read,
)
from tests.wire.helpers import MARK, sent

FIELD = "tnt__instep"
PLACE = f"custom_fields.{FIELD}"
SPELLED = f"{REFERENCE}@datadog"
PLAIN = {key: value for key, value in INCIDENT.items() if key != "sync_metadata"}
MARKED = PLAIN | {"custom_fields": {FIELD: SPELLED, "tnt__ext_status": "monitoring"}}
ORIGIN = {"origin_system": "jira", "external_reference": "https://jira.example.com/X-1"}
UNIT = {"status": "succeeded", "sync_unit": {"id": "don:integration:x:sync_unit/1", "name": "Jira"}}


# A custom field in place of sync metadata


async def test_a_custom_field_can_carry_the_mark(router: respx.MockRouter) -> None:
    """Where sync metadata may not be written, the reference goes into a field of text."""
    answer_writes(router, MARKED)
    system = made(router, ["title"], reference=PLACE)
    written = await system.create({"title": "T"}, MARK)
    (body,) = bodies(router, "incidents.create")
    assert body == {
        "title": "T",
        "custom_fields": {FIELD: SPELLED},
        "custom_schema_spec": {"tenant_fragment": True},
    }
    assert written.record.mark == Mark("datadog", "", MARK.uid, MARK.url)


async def test_find_filters_by_the_custom_field(router: respx.MockRouter) -> None:
    """The filter of a custom field is a list; what comes back is looked at."""
    other = MARKED | {"custom_fields": {FIELD: "https://x.example.com#instep-other@datadog"}}
    route = router.post(f"{API}/incidents.list").respond(json={"incidents": [other, MARKED]})
    assert [one.id for one in await made(router, ["title"], reference=PLACE).find(MARK)] == [ID]
    assert sent(route) == {"custom_fields": {FIELD: [SPELLED]}, "limit": 100}


async def test_a_mark_goes_along_when_custom_fields_are_written(router: respx.MockRouter) -> None:
    """Whether custom fields are merged or replaced is not documented; sync metadata is left out."""
    system = made(router, ["title", "custom_fields.tnt__ext_status"], reference=PLACE)
    seen = await read(system, router, MARKED)
    route = answer_writes(router, MARKED)
    await system.update(seen, {"title": "T"})
    assert sent(route) == {"id": ID, "title": "T"}
    await system.update(seen, {"custom_fields.tnt__ext_status": "x"})
    assert sent(route)["custom_fields"] == {"tnt__ext_status": "x", FIELD: SPELLED}
    assert "sync_metadata" not in sent(route)


@pytest.mark.parametrize("held", [None, "", "https://wiki.example.com/a@b", "#instep-@datadog"])
async def test_a_field_of_a_persons_own_is_no_mark(router: respx.MockRouter, held: Any) -> None:
    """What people write into the field is theirs, and is not written again."""
    raw = PLAIN | {"custom_fields": {FIELD: held}}
    assert (await read(made(router, ["title"], reference=PLACE), router, raw)).mark is None


async def test_marks_made_before_the_place_changed_are_read(router: respx.MockRouter) -> None:
    """Incidents that carry the mark in sync metadata stay ours, and are not taken for foreign."""
    system = made(router, ["title"], reference=PLACE)
    assert (await read(system, router, INCIDENT)).mark == Mark("datadog", "", MARK.uid, MARK.url)


@pytest.mark.parametrize(
    "place", ["custom_fields.ctype__x", "custom_fields.", "title", "", "tnt__x"]
)
def test_a_place_that_no_mark_can_be_kept_in(place: str) -> None:
    """A new incident has no subtype yet, and other places are not for references."""
    with pytest.raises(ConfigError) as caught:
        DevRev.connect("devrev", ["title"], token="t", reference=place)
    assert "sync_metadata" in caught.value.problems[0].hint


def test_a_reference_needs_a_field_of_its_own() -> None:
    """What is kept in step there would be written over the mark."""
    with pytest.raises(ConfigError) as caught:
        DevRev.connect("devrev", ["title", PLACE], token="t", reference=PLACE)
    assert "of its own" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (None, "no custom field"),
        ({"field_type": "int"}, "no text"),
        ({"field_type": "array", "base_type": "text"}, "no text"),
        ({"field_type": "text", "is_filterable": False}, "cannot filter"),
        ({"field_type": "text", "is_filterable": True}, ""),
    ],
)
async def test_a_check_looks_at_the_reference_field(
    router: respx.MockRouter, field: Any, said: str
) -> None:
    """Marks have to be found again: the field must be there, hold text and be filterable."""
    router.post(f"{API}/incidents.list").respond(json={"incidents": []})
    fields = [] if field is None else [{"name": FIELD} | field]
    system = made(router, ["title"], schema={"custom_fields": fields}, reference=PLACE)
    warnings = await system.check()
    assert [said in one and FIELD in one for one in warnings] == [True] * bool(said)


# Sync metadata that cannot be written


async def test_a_refused_write_of_sync_metadata_names_the_way_out(
    router: respx.MockRouter,
) -> None:
    """Whether a token may write sync metadata is not documented: the advice names the switch."""
    system = made(router, ["title"])
    answer_writes(router)
    router.post(f"{API}/incidents.create").respond(403, json={"type": "forbidden"})
    with pytest.raises(Denied, match="forbidden") as caught:
        await system.create({"title": "T"}, MARK)
    assert "reference: custom_fields.tnt__<name>" in caught.value.advice


async def test_a_refused_token_is_not_about_sync_metadata(router: respx.MockRouter) -> None:
    """401 says that the token is not good for anything: no other place helps."""
    answer_writes(router)
    router.post(f"{API}/incidents.create").respond(401, json={"type": "token_expired"})
    with pytest.raises(Denied, match="token_expired") as caught:
        await made(router, ["title"]).create({"title": "T"}, MARK)
    assert "reference:" not in caught.value.advice


async def test_a_refused_write_without_it_is_about_the_token(router: respx.MockRouter) -> None:
    """A write that carries no sync metadata cannot have been refused for it."""
    system = made(router, ["title"])
    seen = await read(system, router, PLAIN)
    answer_writes(router).respond(403, json={"type": "forbidden"})
    with pytest.raises(Denied) as caught:
        await system.update(seen, {"title": "T"})
    assert "reference:" not in caught.value.advice


async def test_sync_metadata_that_is_ignored_is_told_once(router: respx.MockRouter) -> None:
    """A service may take the mark and drop it: such a record cannot be found again."""
    answer_writes(router, PLAIN)
    system = made(router, ["title"])
    with structlog.testing.capture_logs() as events:
        await system.create({"title": "T"}, MARK)
        await system.create({"title": "T"}, MARK)
    assert [event for event in events if event["event"] == "mark.ignored"] == [
        {"event": "mark.ignored", "log_level": "warning", "system": "devrev", "record": "INC-12"}
    ]


async def test_a_mark_that_was_kept_is_not_told(router: respx.MockRouter) -> None:
    """A record that reads back with its mark needs no word."""
    answer_writes(router)
    with structlog.testing.capture_logs() as events:
        await made(router, ["title"]).create({"title": "T"}, MARK)
    assert "mark.ignored" not in [event["event"] for event in events]


# Incidents that another synchroniser owns


@pytest.mark.parametrize(
    ("sync", "owner"),
    [
        (ORIGIN, "jira"),
        ({"last_sync_in": UNIT}, "AirSync"),
        ({"last_sync_out": UNIT}, "AirSync"),
        ({"last_sync_in": {"status": "staged"}}, "AirSync"),
    ],
)
async def test_an_incident_of_another_synchroniser_is_refused(
    router: respx.MockRouter, sync: dict[str, Any], owner: str
) -> None:
    """What AirSync keeps in step is left out of listings, with one warning, and not read."""
    foreign = INCIDENT | {"id": f"{ID}3", "sync_metadata": sync}
    pages = [{"incidents": [INCIDENT, foreign], "next_cursor": "a"}, {"incidents": [foreign]}]
    route = router.post(f"{API}/incidents.list")
    route.side_effect = [respx.MockResponse(json=page) for page in pages]
    system = made(router, ["title"])
    with structlog.testing.capture_logs() as events:
        seen = [page async for page in system.changes(None)]
    assert [one.id for page in seen for one in page.records] == [ID]
    assert seen[-1].complete
    told = [event for event in events if event["event"] == "record.foreign"]
    assert told == [
        {"event": "record.foreign", "log_level": "warning", "system": "devrev", "count": 1}
    ]
    with pytest.raises(Rejected, match=owner) as caught:
        await read(system, router, foreign)
    assert "foreign: true" in caught.value.advice


@pytest.mark.parametrize(
    "sync",
    [
        None,
        {},
        {"external_reference": "https://jira.example.com/X-1"},
        {"external_reference": REFERENCE, "origin_system": "datadog", "last_sync_out": UNIT},
        {"last_sync_in": {"status": "succeeded"}},
        {"origin_system": "datadog"},
        {"origin_system": "jira", "external_reference": " "},
        {"origin_system": " ", "external_reference": "https://jira.example.com/X-1"},
        {"origin_system": "datadog", "external_reference": "", "last_sync_out": {}},
        {"last_sync_in": "odd"},
        "odd",
    ],
)
async def test_a_persons_own_incident_is_not_foreign(router: respx.MockRouter, sync: Any) -> None:
    """A reference alone is a person's own, and our mark makes an incident ours."""
    raw = INCIDENT | {"sync_metadata": sync}
    assert (await read(made(router, ["title"]), router, raw)).id == ID


@pytest.mark.parametrize("reference", [None, "", "https://jira.example.com/X-1"])
async def test_an_incident_that_lost_its_mark_is_still_ours(
    router: respx.MockRouter, reference: str | None
) -> None:
    """People edit the reference: what instep has synced names a system and no unit of AirSync."""
    answer_writes(router)
    system = made(router, ["title"])
    await system.create({"title": "T"}, MARK)
    (body,) = bodies(router, "incidents.create")
    raw = INCIDENT | {"sync_metadata": body["sync_metadata"] | {"external_reference": reference}}
    router.post(f"{API}/incidents.list").respond(json={"incidents": [raw]})
    (page,) = [page async for page in system.changes(None)]
    assert [(one.id, one.mark) for one in page.records] == [(ID, None)]
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {"title": "U"})
    # What the person has put there is left alone.
    assert sent(route) == {"id": ID, "title": "U"}


async def test_foreign_incidents_can_be_taken(router: respx.MockRouter) -> None:
    """Asked for, they are read and written, and their sync metadata is never touched."""
    raw = INCIDENT | {"sync_metadata": ORIGIN | {"last_sync_in": UNIT}}
    system = made(router, ["title"], foreign=True)
    router.post(f"{API}/incidents.list").respond(json={"incidents": [raw]})
    with structlog.testing.capture_logs() as events:
        (page,) = [page async for page in system.changes(None)]
    assert [one.id for one in page.records] == [ID]
    assert "record.foreign" not in [event["event"] for event in events]
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {"title": "T"})
    assert sent(route) == {"id": ID, "title": "T"}


async def test_a_check_names_the_other_synchronisers(router: respx.MockRouter) -> None:
    """Who keeps some of the latest incidents in step is said before anything is written."""
    rows = [INCIDENT | {"sync_metadata": sync} for sync in (ORIGIN, ORIGIN, {"last_sync_in": UNIT})]
    route = router.post(f"{API}/incidents.list").respond(json={"incidents": [INCIDENT, *rows]})
    warnings = await made(router, ["title"], schema=SCHEMA).check()
    assert [("AirSync" in one, "jira" in one) for one in warnings] == [(True, False), (False, True)]
    assert all("foreign: true" in one for one in warnings)
    assert sent(route) == {"sort_by": ["modified_date:desc"]}
