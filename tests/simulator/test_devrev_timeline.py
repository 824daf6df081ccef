"""Comments in DevRev's double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.checks import spell
from instep.simulator.world import World
from tests.simulator.conftest import Clock, Connect
from tests.simulator.devrev import ask, refusal, walk

COMMENT = {"type": "timeline_comment", "object": "INC-1", "body": "Rolled back."}


@pytest.fixture
def double(world: World) -> DevRevSimulator:
    """Answer a DevRev with one incident."""
    return DevRevSimulator(world, incidents=1)


@pytest.fixture
async def client(double: DevRevSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


async def say(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    """Comment on the incident; answer the entry."""
    status, data = await ask(client, "timeline-entries.create", **COMMENT | body)
    assert status == 201, data
    entry: dict[str, Any] = data["timeline_entry"]
    return entry


async def entries(client: httpx.AsyncClient, **body: Any) -> list[dict[str, Any]]:
    """List the incident's timeline."""
    key = "timeline_entries"
    pages = await walk(client, "timeline-entries.list", key, object="INC-1", **body)
    return [entry for page in pages for entry in page]


async def test_customers_read_what_does_not_say_otherwise(client: httpx.AsyncClient) -> None:
    """Without a visibility a comment is external, and no update can make it internal."""
    entry = await say(client)
    assert entry["visibility"] == "external"
    change = {"id": entry["id"], "type": "timeline_comment", "visibility": "internal"}
    refused = await refusal(client, "timeline-entries.update", **change)
    assert refused == {"status": 400, "type": "invalid_field", "field_name": "visibility"}


async def test_an_external_reference_is_unique_on_one_incident(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """The one real key of idempotency: a second comment with it is 409, elsewhere it is free."""
    entry = await say(client, external_ref="peer:comment:99")
    again = COMMENT | {"external_ref": "peer:comment:99"}
    refused = await refusal(client, "timeline-entries.create", **again)
    assert refused == {"status": 409, "type": "conflict"}
    await say(client, external_ref="peer:comment:99", object=double.add())
    found = await ask(
        client, "timeline-entries.get", id=entry["id"], external_ref="peer:comment:99"
    )
    assert found[1]["timeline_entry"] == entry
    other = await say(client)
    taken = {"id": other["id"], "type": "timeline_comment", "external_ref": "peer:comment:99"}
    assert (await refusal(client, "timeline-entries.update", **taken))["status"] == 409


async def test_changes_stand_among_comments(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Creation and updates appear by themselves, with what they changed from and to."""
    double.edit("INC-1", severity="sev-3", title="New", owned_by=None)
    await say(client)
    created, updated, comment = await entries(client)
    assert created["event"]["created"]["object"]["id"] == double.ids()[0]
    deltas = {one["name"]: one for one in updated["event"]["updated"]["field_deltas"]}
    assert deltas["severity"]["new_value"] == {"type": "int", "value": 4}
    assert deltas["owned_by"]["old_value"]["type"] == "id_list"
    assert "new_value" not in deltas["owned_by"]
    assert comment["type"] == "timeline_comment"
    assert await entries(client, collections=["discussions"]) == [comment]
    assert len(await entries(client, collections=["events"])) == 2
    refused = await refusal(client, "timeline-entries.delete", id=created["id"])
    assert refused["type"] == "unexpected_id_type"


async def test_deleted_comments_stay_without_a_body(client: httpx.AsyncClient) -> None:
    """A missing body is a tombstone, not an empty comment."""
    entry = await say(client, external_ref="x")
    assert await ask(client, "timeline-entries.delete", id=entry["id"]) == (200, {})
    (left,) = await entries(client, collections=["discussions"])
    assert left["id"] == entry["id"]
    assert not {"body", "body_type"} & left.keys()


async def test_empty_pages_have_cursors(world: World, connect: Connect) -> None:
    """A walk ends where no cursor is, not where a page is empty."""
    double = DevRevSimulator(world, incidents=1, empty_pages=True)
    for _ in range(3):
        double.comment("INC-1", "Still at it.")
    async with connect(double) as client:
        body = {"object": "INC-1", "limit": 2, "collections": ["discussions"]}
        pages = await walk(client, "timeline-entries.list", "timeline_entries", **body)
    assert [len(page) for page in pages] == [0, 2, 0, 1]


@pytest.mark.parametrize("moves", [False, True])
async def test_a_comment_may_not_touch_the_incident(
    world: World, clock: Clock, connect: Connect, moves: bool
) -> None:
    """Whether a comment moves modified_date is not told: polling incidents may not show it."""
    double = DevRevSimulator(world, incidents=1, comment_moves_modified=moves)
    before = double.records()[0]["modified_date"]
    clock.pass_(60)
    async with connect(double) as client:
        await say(client)
    assert (double.records()[0]["modified_date"] != before) == moves


async def test_timestamps_are_finer_than_those_of_incidents(client: httpx.AsyncClient) -> None:
    """Timelines have microseconds, where incidents have milliseconds."""
    assert (await say(client))["created_date"] == "2026-02-03T09:12:30.123456Z"


async def test_private_and_passing_comments_are_hidden(
    double: DevRevSimulator, clock: Clock, client: httpx.AsyncClient
) -> None:
    """What Ana wrote to herself is not listed, nor what has expired, nor another visibility."""
    double.comment("INC-1", "For me.", visibility="private")
    soon = spell(clock.at + timedelta(minutes=5))
    await say(client, expires_at=soon, visibility="internal", labels=["peer"])
    await say(client, visibility="external")
    here = {"collections": ["discussions"]}
    assert len(await entries(client, **here)) == 2
    assert len(await entries(client, **here, visibility=["internal"])) == 1
    assert len(await entries(client, **here, labels=["peer"])) == 1
    clock.pass_(600)
    assert len(await entries(client, **here)) == 1
    assert len(double.comments("INC-1")) == 3


async def test_the_newer_document_lists_by_date(
    world: World, clock: Clock, connect: Connect
) -> None:
    """There a timeline can be listed from a date on, without the tag that other dates need."""
    double = DevRevSimulator(world, incidents=1, newer=True)
    double.comment("INC-1", "Early.")
    clock.pass_(3600)
    double.comment("INC-1", "Late.")
    async with connect(double) as client:
        late = await entries(client, created_date={"after": spell(clock.at - timedelta(hours=0.5))})
    assert [one["body"] for one in late] == ["Late."]


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        ({"object": "INC-9"}, "invalid_id", "object"),
        ({"object": "DEVU-1"}, "unexpected_id_type", "object"),
        ({"type": "timeline_change_event"}, "invalid_enum_value", "type"),
        ({"visibility": "secret"}, "invalid_enum_value", "visibility"),
        ({"body_type": "html"}, "invalid_enum_value", "body_type"),
        ({"labels": ["x"] * 17}, "value_not_permitted", "labels"),
        ({"labels": [""]}, "value_not_permitted", "labels"),
        ({"external_ref": ""}, "value_not_permitted", "external_ref"),
        ({"external_ref": "x" * 513}, "value_not_permitted", "external_ref"),
        ({"expires_at": "2026-02-03T09:12:31Z"}, "value_not_permitted", "expires_at"),
        ({"private_to": ["DEVU-2"]}, "missing_required_field", "visibility"),
    ],
)
async def test_bad_comments_are_refused(
    client: httpx.AsyncClient, body: dict[str, Any], error: str, field: str
) -> None:
    """An incident that is not there is 400 here, since creating lists no 404."""
    refused = await refusal(client, "timeline-entries.create", **COMMENT | body)
    assert (refused["status"], refused["type"], refused["field_name"]) == (400, error, field)


async def test_what_is_not_there_is_said_in_three_ways(client: httpx.AsyncClient) -> None:
    """List and get answer 404, update and delete 400: neither of those lists 404."""
    assert (await refusal(client, "timeline-entries.list", object="INC-9"))["status"] == 404
    assert (await refusal(client, "timeline-entries.get", id="x"))["status"] == 404
    entry = await say(client)
    lost = {"id": entry["id"], "external_ref": "no such"}
    assert (await refusal(client, "timeline-entries.get", **lost))["status"] == 404
    for verb, more in (("update", {"type": "timeline_comment"}), ("delete", {})):
        refused = await refusal(client, f"timeline-entries.{verb}", id="x", **more)
        assert (refused["status"], refused["type"]) == (400, "invalid_id")
