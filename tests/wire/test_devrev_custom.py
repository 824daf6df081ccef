"""DevRev's custom fields: typed by a schema that changes, and refused without its name."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from instep.core.model import Word
from instep.errors import Rejected, Unreachable
from tests.wire.devrev import API, ID, INCIDENT, answer_writes, bodies, made, read
from tests.wire.helpers import MARK, sent

LEVELS = [
    {"id": 1, "label": "low", "ordinal": 1},
    {"id": 2, "label": "high", "ordinal": 2},
    {"id": 9, "label": "old", "ordinal": 3, "is_deprecated": True},
]
FIELDS: list[dict[str, Any]] = [
    {"name": "tnt__level", "field_type": "uenum", "allowed_values": LEVELS},
    {"name": "tnt__levels", "field_type": "array", "base_type": "uenum", "allowed_values": LEVELS},
    {"name": "tnt__region", "field_type": "enum", "allowed_values": ["eu", "us"]},
    {"name": "regions", "field_type": "array", "base_type": "enum", "allowed_values": ["eu", "us"]},
    {"name": "tnt__count", "field_type": "int"},
    {"name": "tnt__share", "field_type": "double"},
    {"name": "tnt__paged", "field_type": "bool"},
    {"name": "tnt__day", "field_type": "date"},
    {"name": "tnt__at", "field_type": "timestamp"},
    {"name": "tnt__owner", "field_type": "id"},
    {"name": "tnt__notes", "field_type": "rich_text"},
    {"name": "tnt__words", "field_type": "array", "base_type": "tokens"},
    {"name": "tnt__shape", "field_type": "composite"},
    {"name": "tnt__odd", "field_type": "unknown"},
]
SCHEMA = {"custom_fields": FIELDS, "stock_fields": []}


def path(name: str) -> str:
    """Name the path of a tenant's field."""
    return f"custom_fields.tnt__{name}"


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("level", "high", 2),
        ("levels", ("high", "low"), [2, 1]),
        ("levels", "high", [2]),
        ("region", "eu", "eu"),
        ("regions", ("eu", "us"), ["eu", "us"]),
        ("count", 7, 7),
        ("count", "7", 7),
        ("share", 1, 1.0),
        ("paged", True, True),
        ("paged", "false", False),
        ("day", "2026-02-03T09:12:00Z", "2026-02-03"),
        ("day", "2026-02-03", "2026-02-03"),
        ("at", "2026-02-03T09:12:00Z", "2026-02-03T09:12:00.000Z"),
        ("owner", "don:identity:x", "don:identity:x"),
        ("notes", "a *b*", "a *b*"),
        ("words", ("a", "b"), ["a", "b"]),
        ("shape", '{"a":1}', {"a": 1}),
        ("odd", "as it is", "as it is"),
    ],
)
async def test_a_word_is_written_as_its_type_wants(
    router: respx.MockRouter, name: str, word: Word, value: Any
) -> None:
    """The schema says what a field takes: a label's number, a day, an instant, a list."""
    answer_writes(router)
    system = made(router, ["title", path(name)], schema=SCHEMA)
    await system.create({"title": "T", path(name): word}, MARK)
    (body,) = bodies(router, "incidents.create")
    assert body["custom_fields"] == {f"tnt__{name}": value}
    assert type(body["custom_fields"][f"tnt__{name}"]) is type(value)
    assert body["custom_schema_spec"] == {"tenant_fragment": True}


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("level", 2, "high"),
        ("level", 9, "old"),
        ("level", 77, 77),
        ("level", {"id": 2, "label": "high"}, "high"),
        ("level", {"id": 2}, "high"),
        ("level", None, None),
        ("levels", [1, 2, None], ("high", "low")),
        ("region", "eu", "eu"),
        ("regions", ["us", "eu"], ("eu", "us")),
        ("count", 7, 7),
        ("notes", "", None),
        ("shape", {"a": 1}, '{"a":1}'),
    ],
)
async def test_a_value_is_read_as_people_see_it(
    router: respx.MockRouter, name: str, value: Any, word: Word
) -> None:
    """A number of a label reads as the label, deprecated ones too; a strange one stays a number."""
    system = made(router, [path(name)], schema=SCHEMA)
    seen = await read(system, router, INCIDENT | {"custom_fields": {f"tnt__{name}": value}})
    assert system.words(seen) == {path(name): word}


@pytest.mark.parametrize(
    ("name", "word", "said"),
    [
        ("level", "huge", "high, low"),
        ("level", "old", "high, low"),
        ("region", "mars", "eu, us"),
        ("count", "many", "a field of that type"),
        ("day", "someday", "a field of that type"),
        ("paged", "perhaps", "a field of that type"),
        ("shape", "{", "a field of that type"),
    ],
)
async def test_a_word_of_the_wrong_type_is_rejected(
    router: respx.MockRouter, name: str, word: str, said: str
) -> None:
    """Nothing is sent that the schema rules out, and the advice says what it takes."""
    system = made(router, ["title", path(name)], schema=SCHEMA)
    with pytest.raises(Rejected) as caught:
        await system.create({"title": "T", path(name): word}, MARK)
    assert said in caught.value.advice


async def test_one_place_takes_no_list(router: respx.MockRouter) -> None:
    """A list of one is that one; of several none is chosen for a person."""
    answer_writes(router)
    system = made(router, ["title", path("region")], schema=SCHEMA)
    await system.create({"title": "T", path("region"): ("eu",)}, MARK)
    assert bodies(router, "incidents.create")[-1]["custom_fields"] == {"tnt__region": "eu"}
    with pytest.raises(Rejected, match="one value"):
        await system.create({"title": "T", path("region"): ("eu", "us")}, MARK)


async def test_only_the_field_that_changes_is_sent(router: respx.MockRouter) -> None:
    """What else the record holds is not read back into the request, and nothing is cleared."""
    raw = INCIDENT | {"custom_fields": {"tnt__count": 1, "tnt__region": "eu", "app_x__y": 2}}
    system = made(router, [path("count"), path("region")], schema=SCHEMA)
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, {path("count"): 2, path("region"): None})
    assert sent(route)["custom_fields"] == {"tnt__count": 2}


async def test_a_field_names_the_schema_that_it_is_of(router: respx.MockRouter) -> None:
    """Without its schema named a field is refused: tenant, subtype and apps, by their prefixes."""
    paths = [f"custom_fields.{one}" for one in ("tnt__a", "ctype__b", "app_one__c", "two__d", "e")]
    raw = INCIDENT | {"subtype": "outage"}
    system = made(router, paths)
    seen = await read(system, router, raw)
    route = answer_writes(router, raw)
    await system.update(seen, dict.fromkeys(paths, "x"))
    assert sent(route)["custom_schema_spec"] == {
        "tenant_fragment": True,
        "subtype": "outage",
        "apps": ["one", "two"],
    }


async def test_fields_of_a_subtype_have_a_schema_of_their_own(router: respx.MockRouter) -> None:
    """The number of a label is read by the schema of the incident's own subtype."""
    own = {"custom_fields": [{"name": "rca", "field_type": "uenum", "allowed_values": LEVELS}]}
    system = made(router, ["custom_fields.ctype__rca"])
    schemas = router.post(f"{API}/schemas.aggregated.get")
    schemas.side_effect = [
        respx.MockResponse(json={"schema": {}}),
        respx.MockResponse(json={"schema": own}),
        respx.MockResponse(400, json={"type": "invalid_field"}),
    ]
    rows = [
        INCIDENT | {"id": f"{ID}{n}", "subtype": subtype, "custom_fields": {"ctype__rca": 2}}
        for n, subtype in enumerate(["outage", "unheard-of", ""])
    ]
    router.post(f"{API}/incidents.list").respond(json={"incidents": rows})
    (page,) = [page async for page in system.changes(None)]
    words = [system.words(one)["custom_fields.ctype__rca"] for one in page.records]
    # A subtype that the service does not know costs its own records' labels, nothing else.
    assert words == ["high", 2, 2]
    assert [sent(schemas, n).get("custom_schema_spec") for n in range(3)] == [
        None,
        {"subtype": "outage"},
        {"subtype": "unheard-of"},
    ]


async def test_a_schema_that_cannot_be_read_stops_the_listing(router: respx.MockRouter) -> None:
    """Without its labels a number would look like an edit: nothing is concluded from it."""
    system = made(router, [path("level")], schema=SCHEMA)
    router.post(f"{API}/schemas.aggregated.get").respond(500, json={"type": "internal_error"})
    router.post(f"{API}/incidents.list").respond(json={"incidents": [INCIDENT]})
    with pytest.raises(Unreachable):
        [page async for page in system.changes(None)]


async def test_an_organisation_without_a_schema_is_not_heard(router: respx.MockRouter) -> None:
    """A refused schema is no empty one."""
    system = made(router, [path("level")])
    body = {"type": "invalid_field", "field_name": "leaf_type"}
    router.post(f"{API}/schemas.aggregated.get").respond(400, json=body)
    with pytest.raises(Unreachable, match="leaf_type"):
        await read(system, router, INCIDENT)


async def test_a_stale_schema_is_read_anew_at_the_next_try(router: respx.MockRouter) -> None:
    """Fragments are immutable and versioned: ``stale_schema_fragments`` means to ask again."""
    system = made(router, [path("level")], schema=SCHEMA)
    seen = await read(system, router, INCIDENT)
    route = answer_writes(router)
    route.side_effect = [
        respx.MockResponse(400, json={"type": "stale_schema_fragments", "message": "Bad Request"}),
        respx.MockResponse(json={"incident": INCIDENT}),
    ]
    with pytest.raises(Rejected, match="stale_schema_fragments") as caught:
        await system.update(seen, {path("level"): "high"})
    assert "anew" in caught.value.advice
    newer = [{"id": 5, "label": "high", "ordinal": 1}]
    fields = [{"name": "tnt__level", "field_type": "uenum", "allowed_values": newer}]
    schemas = router.post(f"{API}/schemas.aggregated.get")
    schemas.respond(json={"schema": {"custom_fields": fields}})
    await system.update(seen, {path("level"): "high"})
    assert sent(route)["custom_fields"] == {"tnt__level": 5}


async def test_a_whole_listing_reads_the_labels_anew(router: respx.MockRouter) -> None:
    """An organisation relabels its values: a sweep sees by which names people know them now."""
    system = made(router, [path("level")], schema=SCHEMA)
    raw = INCIDENT | {"custom_fields": {"tnt__level": 2}}
    router.post(f"{API}/incidents.list").respond(json={"incidents": [raw]})
    (page,) = [page async for page in system.changes(None)]
    assert system.words(page.records[0]) == {path("level"): "high"}
    newer = [{"id": 2, "label": "grave", "ordinal": 1}]
    fields = [{"name": "tnt__level", "field_type": "uenum", "allowed_values": newer}]
    schemas = router.post(f"{API}/schemas.aggregated.get")
    schemas.respond(json={"schema": {"custom_fields": fields}})
    (page,) = [page async for page in system.changes("2026-02-03T00:00:00Z")]
    assert system.words(page.records[0]) == {path("level"): "high"}
    (page,) = [page async for page in system.changes(None)]
    assert system.words(page.records[0]) == {path("level"): "grave"}


async def test_a_stage_may_need_a_field_first(router: respx.MockRouter) -> None:
    """A plain stage move can be refused until a field is filled: the advice says so."""
    body = {
        "type": "customization_validation_error",
        "message": "Bad Request",
        "subtype": "field_required",
        "field_name": "tnt__rca",
    }
    system = made(router, ["title"])
    seen = await read(system, router, INCIDENT)
    answer_writes(router).respond(400, json=body)
    with pytest.raises(Rejected, match="tnt__rca") as caught:
        await system.update(seen, {"title": "T"})
    assert "fill the field" in caught.value.advice


# Checking


async def test_a_missing_custom_field_is_not_offered(router: respx.MockRouter) -> None:
    """A custom field in use that no schema shows is not there; prefixes are shown or left out."""
    paths = {path(one): () for one in ("level", "regions", "nowhere")}
    offers = await made(router, list(paths), schema=SCHEMA).offers(paths)
    assert [at for at, offer in offers.items() if not offer.there] == [path("nowhere")]


@pytest.mark.parametrize(
    ("subtypes", "lacks"),
    [
        ({"subtypes": [{"value": "outage", "leaf_type": "incident"}]}, False),
        ({"subtypes": []}, True),
        (None, True),
    ],
)
async def test_every_subtype_is_looked_into(
    router: respx.MockRouter, subtypes: Any, lacks: Any
) -> None:
    """A subtype's fields are in a schema of its own; subtypes are listed by their leaf type."""
    route = router.post(f"{API}/schemas.subtypes.list")
    if subtypes is None:
        route.respond(404, json={"message": "route not found"})
    else:
        route.respond(json=subtypes)
    system = made(router, ["custom_fields.ctype__rca"])
    schemas = router.post(f"{API}/schemas.aggregated.get")
    own = {"custom_fields": [{"name": "ctype__rca", "field_type": "text"}]}
    schemas.side_effect = [respx.MockResponse(json={"schema": one}) for one in ({}, own)]
    offers = await system.offers({"custom_fields.ctype__rca": ()})
    assert offers["custom_fields.ctype__rca"].there is not lacks
    assert sent(route) == {"leaf_types": ["incident"]}
