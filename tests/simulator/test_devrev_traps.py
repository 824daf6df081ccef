"""DevRev's traps that are not those of groups, comments or custom fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.lookups import ARTIFACTS, FOREIGN_STAGE, STAGE_IDS, SYNC_UNITS
from instep.simulator.wire import JSON, Call
from instep.simulator.world import World
from tests.simulator.conftest import Clock, Connect
from tests.simulator.devrev import ask, make, refusal, walk

HEADERS = {"authorization": "Bearer t", "x-devrev-scope": "beta", "content-type": JSON}
UNIT = SYNC_UNITS[0].id
REFERENCE = {"sync_metadata": {"external_reference": "https://peer/1", "origin_system": "peer"}}


@pytest.fixture
def double(world: World) -> DevRevSimulator:
    """Answer a DevRev with eight incidents."""
    return DevRevSimulator(world)


@pytest.fixture
async def client(double: DevRevSimulator, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it."""
    async with connect(double) as made:
        yield made


async def test_labels_are_an_organisations_own(world: World, connect: Connect) -> None:
    """Trap: severity 1 is sev-0, and may be called otherwise: only ids are stable."""
    double = DevRevSimulator(world, incidents=0, relabelled=True)
    key = double.add(severity="critical")
    async with connect(double) as client:
        _, schema = await ask(client, "schemas.aggregated.get", leaf_type="incident")
        _, found = await ask(client, "incidents.get", id=key)
    assert found["incident"]["severity"] == {"id": 1, "label": "critical", "ordinal": 1}
    (override,) = schema["schema"]["stock_field_overrides"]
    labels = {one["id"]: one["label"] for one in override["uenum_values"]}
    assert labels[1] == "critical"
    assert override["uenum_values"][-1]["is_deprecated"] is True
    assert schema["schema"]["stock_fields"][0]["allowed_values"][0]["label"] == "sev-0"


async def test_names_of_stages_are_not_unique(client: httpx.AsyncClient) -> None:
    """Trap: the first stage called "resolved" is a ticket's, which no incident can be in."""
    _, stages = await ask(client, "stages.custom.list", name=["resolved"])
    assert [one["id"] for one in stages["result"]] == [FOREIGN_STAGE, STAGE_IDS["resolved"]]
    refused = await refusal(client, "incidents.create", title="T", stage={"stage": FOREIGN_STAGE})
    assert refused["field_name"] == "stage.stage"
    _, diagrams = await ask(client, "stage-diagrams.list", leaf_type=["incident"])
    named = {one["stage"]["id"] for one in diagrams["result"][0]["stages"]}
    assert named == set(STAGE_IDS.values())
    pages = await walk(client, "stages.custom.list", "result", limit=3)
    assert [len(page) for page in pages] == [3, 3, 2]


async def test_closed_is_a_state_of_three_stages(client: httpx.AsyncClient) -> None:
    """Trap: canceled and duplicate are as final as resolved."""
    _, states = await ask(client, "states.custom.list", is_final=True)
    (closed,) = states["result"]
    _, stages = await ask(client, "stages.custom.list")
    final = [one["name"] for one in stages["result"] if one["state"]["id"] == closed["id"]]
    assert sorted(set(final)) == ["canceled", "duplicate", "resolved"]
    _, named = await ask(client, "states.custom.list", name=["open"], ordinal=[1])
    assert [one["is_final"] for one in named["result"]] == [False]


@pytest.mark.parametrize("sets_date", [True, False])
async def test_closing_may_set_a_date(world: World, connect: Connect, sets_date: bool) -> None:
    """Trap: actual_close_date cannot be written, and other dates do not follow the stage."""
    double = DevRevSimulator(world, close_sets_date=sets_date)
    final = {"stage": {"stage": STAGE_IDS["canceled"]}}
    async with connect(double) as client:
        made = await make(client)
        _, after = await ask(client, "incidents.update", id=made["id"], **final)
        born = await make(client, **final, stage_validation_options=["allow_non_start"])
    assert ("actual_close_date" in after["incident"]) == sets_date
    assert ("actual_close_date" in born) == sets_date
    assert "mitigated_date" not in after["incident"]


async def test_create_has_no_key_of_idempotency(client: httpx.AsyncClient) -> None:
    """Trap: sent twice, a create makes two incidents, even with one external reference."""
    ids = {(await make(client, **REFERENCE))["id"] for _ in range(2)}
    wanted = {"external_reference": ["https://peer/1"]}
    _, found = await ask(client, "incidents.list", sync_metadata=wanted)
    assert {one["id"] for one in found["incidents"]} == ids
    assert len(ids) == 2


async def test_a_reference_may_be_unique_after_all(world: World, connect: Connect) -> None:
    """Trap: nothing promises either; where it is unique the second incident is refused."""
    async with connect(DevRevSimulator(world, unique_reference=True)) as client:
        made = await make(client, **REFERENCE)
        assert (await refusal(client, "incidents.create", title="T", **REFERENCE))["status"] == 400
        assert (await ask(client, "incidents.update", id=made["id"], **REFERENCE))[0] == 200


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("merge", {"external_reference", "origin_system", "last_sync_in"}),
        ("replace", {"last_sync_in"}),
        ("ignore", set[str]()),
    ],
)
async def test_sync_metadata_moves_modified_date(
    world: World, connect: Connect, mode: str, kept: set[str]
) -> None:
    """Trap: to write it is a change, and what is left out may be kept, lost or never taken."""
    done = {"last_sync_in": {"status": "succeeded", "sync_date": "2026-02-03T09:00:00.000Z"}}
    async with connect(DevRevSimulator(world, sync_metadata=mode)) as client:
        made = await make(client, **REFERENCE)
        _, after = await ask(client, "incidents.update", id=made["id"], sync_metadata=done)
    assert after["incident"]["modified_date"] != made["modified_date"]
    assert after["incident"].get("sync_metadata", {}).keys() == kept


async def test_airsync_owns_incidents_too(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Trap: another synchroniser's incidents carry its origin and its sync unit, read as object."""
    key = double.add(origin_system="jira", sync_unit=UNIT, external_record_id="PROJ-1")
    _, found = await ask(client, "incidents.list", sync_metadata={"origin_system": ["jira"]})
    (one,) = found["incidents"]
    assert one["sync_metadata"]["last_sync_in"]["sync_unit"]["external_system_type"] == "jira"
    filters: list[dict[str, Any]] = [
        {"last_sync_in": {"sync_unit": [UNIT], "status": ["succeeded"]}},
        {"last_sync_in": {"sync_unit": [UNIT]}, "origin_system": ["jira"]},
    ]
    for wanted in filters:
        _, found = await ask(client, "incidents.list", sync_metadata=wanted)
        assert [one["id"] for one in found["incidents"]] == [key]
    nothing = {"last_sync_in": {"sync_history": ["x"]}}
    assert (await ask(client, "incidents.list", sync_metadata=nothing))[1]["incidents"] == []
    for part in ({"sync_unit": "x"}, {"sync_history": "x"}, {"status": "lost"}):
        body = {"sync_metadata": {"last_sync_out": part}}
        assert (await refusal(client, "incidents.create", title="T", **body))["status"] == 400


async def test_the_newer_document_knows_more_keys(world: World, connect: Connect) -> None:
    """Trap: a beta changes: external_record_id and two filters are only in the newer document."""
    sync = {"sync_metadata": {"external_record_id": "PROJ-1"}}
    customer = {"impacted_customers": ["ACC-1"]}
    async with connect(DevRevSimulator(world, newer=True)) as client:
        made = await make(client, **sync, impact={"customer_ids": ["ACC-1"]})
        _, found = await ask(client, "incidents.list", include_child_parts=True, **customer)
        assert [one["id"] for one in found["incidents"]] == [made["id"]]
    async with connect(DevRevSimulator(world)) as client:
        refused = await refusal(client, "incidents.create", title="T", **sync)
        assert refused["field_name"] == "sync_metadata.external_record_id"
        assert (await refusal(client, "incidents.list", **customer))["type"] == "invalid_field"


async def test_a_moved_incident_answers_301(
    double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Trap: an id can change; the answer names the new one in Location, which is no address."""
    old = double.ids()[0]
    double.comment(old, "Before the move.")
    new = double.move(old)
    for verb, body in (("get", {}), ("update", {"title": "T"}), ("delete", {})):
        sent = orjson.dumps({"id": old, **body})
        # A client of httpx would try to read the id as an address, and fail.
        reply = double.handle(Call("POST", f"/incidents.{verb}", headers=HEADERS, body=sent))
        assert (reply.status, reply.headers["location"]) == (301, new)
    assert (await ask(client, "incidents.get", id=new))[0] == 200
    assert new in double.ids()
    assert double.comments(new)[0]["object"] == new


async def test_an_empty_page_is_not_the_end(world: World, connect: Connect) -> None:
    """Trap: a page may be empty and have a cursor."""
    async with connect(DevRevSimulator(world, empty_pages=True)) as client:
        pages = await walk(client, "incidents.list", "incidents", limit=5)
        assert [len(page) for page in pages] == [0, 5, 0, 3]
        assert await walk(client, "incidents.list", "incidents", title=["none"]) == [[]]


async def test_impact_is_no_head_count(client: httpx.AsyncClient) -> None:
    """Trap: a number is written and a choice is read; customers are kept beside it."""
    made = await make(client, impact={"count": 3, "customer_ids": ["ACC-1"]})
    assert made["impact"]["count"]["id"] == 3
    change = {"id": made["id"], "impact": {"count": 1}}
    _, after = await ask(client, "incidents.update", **change)
    assert after["incident"]["impact"]["customer_ids"][0]["display_id"] == "ACC-1"


async def test_write_only_fields_are_never_read(client: httpx.AsyncClient) -> None:
    """Trap: related_docs, staged_info, external_source_data and notes always look different."""
    made = await make(
        client,
        related_docs=["ART-7"],
        staged_info={"is_staged": True},
        external_source_data={"created_date": "2026-02-03T09:12:00.000Z"},
        stage={"stage": STAGE_IDS["triage"], "notes": "N"},
    )
    assert not {"related_docs", "staged_info", "external_source_data"} & made.keys()
    assert "notes" not in made["stage"]
    for wanted in ({"staged_info": {"is_staged": True}}, {"related_docs": ["ART-7"]}):
        _, found = await ask(client, "incidents.list", **wanted)
        assert [one["id"] for one in found["incidents"]] == [made["id"]]
    assert len((await ask(client, "incidents.list", staged_info={}))[1]["incidents"]) == 9


async def test_an_artifact_has_one_parent(client: httpx.AsyncClient) -> None:
    """Trap: what hangs on one incident cannot hang on another."""
    made = await make(client, artifacts=[ARTIFACTS[0].id])
    refused = await refusal(client, "incidents.create", title="T", artifacts=[ARTIFACTS[0].id])
    assert refused["type"] == "artifact_already_attached_to_a_parent"
    assert (refused["existing_parent"], refused["is_same"]) == (made["id"], False)


async def test_many_incidents_share_a_modified_date(
    clock: Clock, double: DevRevSimulator, client: httpx.AsyncClient
) -> None:
    """Trap: ranges are inclusive and milliseconds coarse: asking for later ones loses some."""
    ids = {double.add() for _ in range(3)}
    _, found = await ask(client, "incidents.get", id=next(iter(ids)))
    span = {"type": "range", "after": found["incident"]["modified_date"]}
    _, since = await ask(client, "incidents.list", modified_date=span)
    assert {one["id"] for one in since["incidents"]} == ids
    clock.pass_(1)
    later = {"type": "range", "after": "2026-02-03T09:12:30.124Z"}
    assert (await ask(client, "incidents.list", modified_date=later))[1]["incidents"] == []


async def test_owners_may_have_no_email(double: DevRevSimulator, client: httpx.AsyncClient) -> None:
    """Trap: an owner may lack an e-mail, be deactivated, or be no human at all."""
    key = double.add(owned_by=["gwen", "eve@example.com", "sync-bot"])
    _, found = await ask(client, "incidents.get", id=key)
    owners = {one["display_id"]: one for one in found["incident"]["owned_by"]}
    assert "email" not in owners["DEVU-8"]
    assert owners["DEVU-6"]["state"] == "deactivated"
    assert owners["SVCACC-3"]["type"] == "service_account"
    pages = await walk(client, "dev-users.list", "dev_users", limit=4)
    assert [len(page) for page in pages] == [4, 4, 2]
    states = {one["state"] for page in pages for one in page}
    assert states == {"active", "deactivated", "locked", "shadow"}
    outside = {"external_identity": [{"id": "x", "issuer": "y"}]}
    assert (await ask(client, "dev-users.list", **outside))[1]["dev_users"] == []


@pytest.mark.parametrize(("case", "found"), [("exact", 0), ("folded", 1)])
async def test_emails_may_be_compared_exactly(
    world: World, connect: Connect, case: str, found: int
) -> None:
    """Trap: how the service compares e-mails is not told."""
    async with connect(DevRevSimulator(world, email_case=case)) as client:
        _, data = await ask(client, "dev-users.list", email=["farid.haddad@example.com"])
    assert len(data["dev_users"]) == found


async def test_names_of_parts_are_not_unique(client: httpx.AsyncClient) -> None:
    """Trap: two parts are called "Checkout", of two types."""
    _, found = await ask(client, "parts.list", name=["Checkout"])
    assert [one["type"] for one in found["parts"]] == ["runnable", "capability"]
    _, below = await ask(client, "parts.list", parent_part={"parts": [found["parts"][0]["id"]]})
    assert below["parts"] == []


async def test_tags_have_unique_names_and_allowed_values(client: httpx.AsyncClient) -> None:
    """Trap: a tag without allowed values takes none."""
    _, made = await ask(client, "tags.create", name="tier", allowed_values=["1"])
    key = made["tag"]["id"]
    assert (await refusal(client, "tags.create", name="tier"))["status"] == 400
    await make(client, tags=[{"tag_id": key, "value": "1"}])
    for tag in ({"tag_id": key, "value": "2"}, {"tag_id": "TAG-10", "value": "1"}):
        refused = await refusal(client, "incidents.create", title="T", tags=[tag])
        assert refused["field_name"] == "tags.value"


async def test_links_join_incidents(double: DevRevSimulator, client: httpx.AsyncClient) -> None:
    """Trap: a type that does not fit the pair is a bare bad_request."""
    first, second = double.ids()[:2]
    pair = {"source": first, "target": second}
    status, made = await ask(client, "links.create", link_type="is_related_to", **pair)
    assert (status, made["link"]["target"]["id"]) == (201, second)
    for way, count in (("is_source", 1), ("is_target", 0)):
        _, found = await ask(client, "links.list", object=first, direction=way)
        assert len(found["links"]) == count
    wrong = await refusal(client, "links.create", link_type="serves", **pair)
    assert wrong == {"status": 400, "type": "bad_request"}
    part = {"link_type": "is_related_to", "source": first, "target": "RUNN-5"}
    assert (await refusal(client, "links.create", **part))["type"] == "bad_request"


async def test_webhooks_are_registered_with_a_verify_type(client: httpx.AsyncClient) -> None:
    """Trap: a type joins silently, a list takes no key, and a new address is unverified again."""
    hook = {"url": "https://receiver.example.com", "event_types": ["incident_created"]}
    _, made = await ask(client, "webhooks.create", **hook)
    one = {"id": made["webhook"]["id"]}
    assert made["webhook"]["event_types"] == ["incident_created", "verify"]
    assert made["webhook"]["status"] == "unverified"
    _, active = await ask(client, "webhooks.update", **one, action="activate")
    assert active["webhook"]["status"] == "active"
    _, moved = await ask(client, "webhooks.update", **one, url="https://other.example.com")
    assert moved["webhook"]["status"] == "unverified"
    _, types = await ask(client, "webhooks.update", **one, event_types={"set": []})
    assert types["webhook"]["event_types"] == ["verify"]
    for wrong in ({"url": ""}, {"url": "x", "secret": "short"}):
        assert (await refusal(client, "webhooks.create", **wrong))["status"] == 400
    assert (await refusal(client, "webhooks.list", limit=1))["field_name"] == "limit"
    assert len((await ask(client, "webhooks.list"))[1]["webhooks"]) == 1
    assert await ask(client, "webhooks.delete", **one) == (200, {})
    assert (await refusal(client, "webhooks.get", **one))["status"] == 404
    assert (await refusal(client, "webhooks.get", id="TAG-9"))["status"] == 400
