"""Custom fields and schemas in DevRev's double."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev.lookups import ANA, STAGE_IDS
from instep.simulator.world import World
from tests.simulator.conftest import Connect
from tests.simulator.devrev import ask, make, refusal

TENANT = {"custom_schema_spec": {"tenant_fragment": True}}
SECURITY = {"custom_schema_spec": {"subtype": "security"}}


@pytest.fixture
async def client(world: World, connect: Connect) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of a DevRev with eight incidents."""
    async with connect(DevRevSimulator(world)) as made:
        yield made


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("tnt__none", "x", "field_not_in_schema"),
        ("ctype__cve", "x", "field_not_in_schema"),
        ("app_monitor__alert_url", "x", "field_not_in_schema"),
        ("tnt__region", "mars", "enum_out_of_range"),
        ("tnt__region", 1, "wrong_type"),
        ("tnt__region", None, "wrong_type"),
        ("tnt__level", 9, "enum_out_of_range"),
        ("tnt__level", "high", "wrong_type"),
        ("tnt__ticket", "two words", "invalid_argument"),
        ("tnt__ticket", 1, "wrong_type"),
        ("tnt__retries", 0.5, "wrong_type"),
        ("tnt__customer_facing", 1, "wrong_type"),
        ("tnt__review_on", "soon", "date_parse_error"),
        ("tnt__review_on", 1, "wrong_type"),
        ("tnt__alerted_at", "soon", "timestamp_parse_error"),
        ("tnt__alerted_at", 1, "wrong_type"),
        ("tnt__lead", "nobody", "id_parse_error"),
        ("tnt__lead", 1, "wrong_type"),
        ("tnt__lead", "TAG-9", "id_type_not_allowed"),
        ("tnt__channels", "chat", "wrong_type"),
        ("tnt__channels", ["pigeon"], "enum_out_of_range"),
        ("tnt__cost", {"amount": "much"}, "wrong_type"),
        ("tnt__cost", {"weight": 1}, "wrong_type"),
    ],
)
async def test_values_have_to_fit_the_schema(
    client: httpx.AsyncClient, name: str, value: Any, problem: str
) -> None:
    """Each type of field refuses in its own way, by the field's name."""
    refused = await refusal(
        client, "incidents.create", title="T", custom_fields={name: value}, **TENANT
    )
    kind = "customization_validation_error"
    assert (refused["status"], refused["type"]) == (400, kind)
    assert (refused["subtype"], refused["field_name"]) == (problem, name)


async def test_a_field_needs_its_fragment_named(client: httpx.AsyncClient) -> None:
    """Custom fields need custom_schema_spec in the same request, on updates too."""
    made = await make(client, custom_fields={"tnt__region": "eu"}, **TENANT)
    assert len(made["custom_schema_fragments"]) == 1
    change = {"id": made["id"], "custom_fields": {"tnt__region": "us"}}
    refused = await refusal(client, "incidents.update", **change)
    assert refused["subtype"] == "field_not_in_schema"
    _, after = await ask(client, "incidents.update", **change, **TENANT)
    assert after["incident"]["custom_fields"] == {"tnt__region": "us"}
    for spec in ({"subtype": "weather"}, {"apps": ["weather"]}):
        refused = await refusal(client, "incidents.update", id="INC-1", custom_schema_spec=spec)
        assert refused["subtype"] == "fragment_not_found"


async def test_a_change_of_subtype_drops_its_fields(client: httpx.AsyncClient) -> None:
    """Fields of a subtype go with it; those of the tenant stay."""
    spec = {"tenant_fragment": True, "subtype": "security"}
    fields = {"ctype__cve": "CVE-1", "tnt__region": "eu"}
    made = await make(client, custom_fields=fields, custom_schema_spec=spec)
    assert (made["subtype"], made["custom_fields"]) == ("security", fields)
    drop = {"custom_schema_spec": {"drop": {"subtype": True}}}
    _, after = await ask(client, "incidents.update", id=made["id"], **drop)
    assert "subtype" not in after["incident"]
    assert after["incident"]["custom_fields"] == {"tnt__region": "eu"}
    _, found = await ask(client, "incidents.list", subtype=["security"])
    assert found["incidents"] == []


async def test_an_immutable_field_is_written_once(client: httpx.AsyncClient) -> None:
    """The same value may be sent again, another may not."""
    made = await make(client, custom_fields={"tnt__ticket": "A-1"}, **TENANT)
    same = {"id": made["id"], "custom_fields": {"tnt__ticket": "A-1"}, **TENANT}
    assert (await ask(client, "incidents.update", **same))[0] == 200
    other = same | {"custom_fields": {"tnt__ticket": "A-2"}}
    assert (await refusal(client, "incidents.update", **other))["subtype"] == "field_immutable"


async def test_a_stage_may_ask_for_a_field(world: World, connect: Connect) -> None:
    """A plain stage move can be refused until a field is filled, and the schema says so."""
    double = DevRevSimulator(world, required_by_stage=True)
    move = {
        "id": double.add(),
        "stage": {"stage": STAGE_IDS["resolved"]},
        "stage_validation_options": ["allow_invalid_transition"],
    }
    async with connect(double) as client:
        refused = await refusal(client, "incidents.update", **move)
        assert (refused["subtype"], refused["field_name"]) == ("field_required", "tnt__rca")
        filled = {"custom_fields": {"tnt__rca": "A bad build."}, **TENANT}
        assert (await ask(client, "incidents.update", **move, **filled))[0] == 200
        _, schema = await ask(client, "schemas.aggregated.get", leaf_type="incident")
    assert schema["schema"]["conditions"][0]["effects"][0]["require"] is True


async def test_a_request_may_ask_for_required_fields(client: httpx.AsyncClient) -> None:
    """With validate_required_fields the rule binds although the service does not enforce it."""
    body = {
        "title": "T",
        "stage": {"stage": STAGE_IDS["resolved"]},
        "stage_validation_options": ["allow_non_start"],
    }
    spec = {"custom_schema_spec": {"validate_required_fields": True}}
    assert (await refusal(client, "incidents.create", **body, **spec))[
        "subtype"
    ] == "field_required"
    await make(client, **body)


async def test_filters_need_a_filterable_field(client: httpx.AsyncClient) -> None:
    """A field not made for it is refused in filters and orders; values come as a list."""
    wanted = {"tnt__rca": ["x"]}
    refused = await refusal(client, "incidents.list", custom_fields=wanted)
    assert refused["field_name"] == "custom_fields.tnt__rca"
    assert (await refusal(client, "incidents.list", sort_by=["tnt__rca:asc"]))["status"] == 400
    refused = await refusal(client, "incidents.list", custom_fields={"tnt__region": "eu"})
    assert (refused["expected"], refused["actual"]) == ("array", "string")
    refused = await refusal(client, "incidents.list", custom_fields={"tnt__none": ["eu"]})
    assert refused["subtype"] == "field_not_in_schema"


async def test_a_list_is_found_by_any_member_and_sorted(client: httpx.AsyncClient) -> None:
    """A filter over a list field asks for one member; custom fields can order a list."""
    fields: list[dict[str, Any]] = [
        {"tnt__channels": ["chat", "mail"], "tnt__retries": 2},
        {"tnt__channels": ["mail"], "tnt__retries": 1},
    ]
    ids = [(await make(client, custom_fields=one, **TENANT))["id"] for one in fields]
    wanted = {"custom_fields": {"tnt__channels": ["mail", "phone"]}}
    _, found = await ask(client, "incidents.list", sort_by=["tnt__retries:asc"], **wanted)
    assert [one["id"] for one in found["incidents"]] == ids[::-1]
    _, found = await ask(client, "incidents.list", sort_by=["tnt__channels:desc"], **wanted)
    assert [one["id"] for one in found["incidents"]] == ids[::-1]


async def test_a_changed_schema_has_to_be_read_again(world: World, connect: Connect) -> None:
    """Writes of custom fields are stale_schema_fragments until the schema is read; others pass."""
    double = DevRevSimulator(world)
    double.change_schema()
    body = {"title": "T", "custom_fields": {"tnt__lead": ANA.id}, **TENANT}
    async with connect(double) as client:
        refused = await refusal(client, "incidents.create", **body)
        assert refused == {"status": 400, "type": "stale_schema_fragments"}
        await make(client)
        await ask(client, "schemas.aggregated.get", leaf_type="incident")
        await make(client, **body)


@pytest.mark.parametrize(("prefixes", "name"), [(True, "tnt__region"), (False, "region")])
async def test_schemas_name_fields_with_or_without_prefix(
    world: World, connect: Connect, prefixes: bool, name: str
) -> None:
    """Both were seen; what is sent and filtered always has it."""
    async with connect(DevRevSimulator(world, schema_prefixes=prefixes)) as client:
        _, schema = await ask(client, "schemas.aggregated.get", leaf_type="incident")
        assert schema["schema"]["custom_fields"][0]["name"] == name
        await make(client, custom_fields={"tnt__region": "eu"}, **TENANT)


async def test_a_schema_is_that_of_a_subtype_or_an_app_if_asked(client: httpx.AsyncClient) -> None:
    """Fields of subtypes and apps are shown on request only; stock ones have their own verb."""
    spec = {"custom_schema_spec": {"subtype": "security", "apps": ["monitor"]}}
    body = {"leaf_type": "incident"}
    _, plain = await ask(client, "schemas.aggregated.get", **body)
    _, whole = await ask(client, "schemas.aggregated.get", **body, **spec)
    more = {one["name"] for one in whole["schema"]["custom_fields"]}
    more -= {one["name"] for one in plain["schema"]["custom_fields"]}
    assert more == {"ctype__cve", "app_monitor__alert_url"}
    _, stock = await ask(client, "schemas.stock.get", **body)
    assert stock["fragment"]["fields"] == plain["schema"]["stock_fields"]
    assert (await refusal(client, "schemas.stock.get", id="other"))["status"] == 404
    assert (await refusal(client, "schemas.aggregated.get", leaf_type="task"))["status"] == 404


async def test_subtypes_are_listed_only_with_a_filter(client: httpx.AsyncClient) -> None:
    """Without leaf types the list is empty, which does not mean that there are none."""
    assert await ask(client, "schemas.subtypes.list") == (200, {"subtypes": []})
    _, found = await ask(client, "schemas.subtypes.list", leaf_types=["incident"])
    assert [one["value"] for one in found["subtypes"]] == ["security"]
    _, fragments = await ask(client, "schemas.custom.list", leaf_type=["incident"])
    assert found["subtypes"][0]["fragment_id"] in {one["id"] for one in fragments["result"]}
    assert (await ask(client, "schemas.custom.list", leaf_type=["task"]))[1]["result"] == []
