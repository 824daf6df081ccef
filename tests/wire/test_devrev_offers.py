"""What DevRev offers, on the wire: which requests tell it, and what each of them is asked."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import respx

from instep.errors import Denied, Unreachable
from instep.systems.base import Offer
from tests.wire.devrev import API, CORE, SCHEMA, STAGES, answer_names, bodies, made
from tests.wire.helpers import sent

LEVELS = [{"id": 1, "label": "low"}, {"id": 2, "label": "old", "is_deprecated": True}]
CUSTOM: list[dict[str, Any]] = [
    {"name": "tnt__level", "field_type": "uenum", "allowed_values": LEVELS},
    {"name": "tnt__regions", "field_type": "array", "base_type": "enum", "allowed_values": ["eu"]},
    {"name": "tnt__notes", "field_type": "text"},
    {"name": "tnt__odd.name", "field_type": "enum", "allowed_values": ["a", "b"]},
]
FIELDS = SCHEMA | {"custom_fields": CUSTOM}
OUTAGE = {
    "custom_fields": [{"name": "ctype__cause", "field_type": "enum", "allowed_values": ["disk"]}],
    "stock_fields": [{"name": "severity", "allowed_values": [{"id": 7, "label": "sev-x"}]}],
    "stage_diagram_id": {"id": f"{CORE}:stage_diagram/9"},
}


def answer_subtypes(router: respx.MockRouter, *names: str) -> respx.Route:
    """Answer the subtypes of incidents."""
    rows = [{"value": name, "leaf_type": "incident"} for name in names]
    return router.post(f"{API}/schemas.subtypes.list").respond(json={"subtypes": rows})


def answer_schemas(router: respx.MockRouter, **subtypes: dict[str, Any]) -> respx.Route:
    """Answer the schema of all incidents, and those of subtypes."""
    schemas = {"": FIELDS, **subtypes}

    def answer(request: httpx.Request) -> httpx.Response:
        spec = orjson.loads(request.content).get("custom_schema_spec", {})
        return httpx.Response(200, json={"schema": schemas[spec.get("subtype", "")]})

    return router.post(f"{API}/schemas.aggregated.get").mock(side_effect=answer)


async def test_labels_and_stages_are_listed(router: respx.MockRouter) -> None:
    """Schema and diagram name them in their order; what is deprecated is written no more."""
    answer_names(router)
    answer_subtypes(router)
    system = made(router, schema=FIELDS)
    offers = await system.offers({"severity": ["sev-0", "sev-9"], "stage": ["triage", "fixing"]})
    assert offers == {
        "severity": Offer(missing=("sev-9",), words=("sev-0", "sev-1")),
        "stage": Offer(missing=("fixing",), words=("triage", "resolved")),
    }
    assert bodies(router, "schemas.aggregated.get") == [{"leaf_type": "incident"}]
    assert bodies(router, "stage-diagrams.get") == [{"leaf_type": "incident"}]
    assert {"leaf_types": ["incident"]} in bodies(router, "schemas.subtypes.list")


async def test_what_a_subtype_has_is_there(router: respx.MockRouter) -> None:
    """Its own labels, stages and fields are in a schema of its own, and count with the rest."""
    answer_subtypes(router, "outage")
    own = {"stages": [{"stage": {"id": f"{CORE}:custom_stage/60", "name": "declared"}}]}
    stages = router.post(f"{API}/stage-diagrams.get")
    stages.side_effect = [
        httpx.Response(200, json=STAGES),
        httpx.Response(200, json={"stage_diagram": own}),
    ]
    system = made(router)
    schemas = answer_schemas(router, outage=OUTAGE)
    path = "custom_fields.ctype__cause"
    offers = await system.offers({"severity": ["sev-x"], "stage": ["declared"], path: ["disk"]})
    assert offers == {
        "severity": Offer(words=("sev-0", "sev-1", "sev-x")),
        "stage": Offer(words=("triage", "resolved", "declared")),
        path: Offer(words=("disk",)),
    }
    assert [sent(schemas, n) for n in range(2)] == [
        {"leaf_type": "incident"},
        {"leaf_type": "incident", "custom_schema_spec": {"subtype": "outage"}},
    ]
    assert [sent(stages, n) for n in range(2)] == [
        {"leaf_type": "incident"},
        {"id": f"{CORE}:stage_diagram/9"},
    ]


async def test_custom_fields_are_those_of_the_schema(router: respx.MockRouter) -> None:
    """Enumerated ones tell their labels; the others are there, and take any word."""
    system = made(router, schema=FIELDS)
    offers = await system.offers(
        {
            "custom_fields.tnt__level": ["low", "old"],
            "custom_fields.tnt__regions": ["eu", "mars"],
            "custom_fields.tnt__regions[0]": ["mars"],
            'custom_fields["tnt__odd.name"]': ["c"],
            "custom_fields.tnt__notes": ["anything"],
            "custom_fields.tnt__nowhere": ["anything"],
        }
    )
    assert offers == {
        "custom_fields.tnt__level": Offer(missing=("old",), words=("low",)),
        "custom_fields.tnt__regions": Offer(missing=("mars",), words=("eu",)),
        "custom_fields.tnt__regions[0]": Offer(),
        'custom_fields["tnt__odd.name"]': Offer(missing=("c",), words=("a", "b")),
        "custom_fields.tnt__notes": Offer(),
        "custom_fields.tnt__nowhere": Offer(there=False),
    }


async def test_people_parts_and_tags_are_looked_up_by_name(router: respx.MockRouter) -> None:
    """Only the names in use are asked for, together; e-mails without case, and then among all."""
    answer_names(router)
    system = made(router)
    offers = await system.offers(
        {
            "owned_by": ["BEN@example.com", "Nobody@example.com"],
            "applies_to_parts": ["search", "nowhere"],
            "tags": ["p1"],
        }
    )
    assert offers == {
        "owned_by": Offer(missing=("Nobody@example.com",)),
        "applies_to_parts": Offer(missing=("nowhere",)),
        "tags": Offer(),
    }
    assert bodies(router, "dev-users.list") == [
        {"limit": 100, "email": ["ben@example.com", "nobody@example.com"], "state": ["active"]},
        {"limit": 100, "state": ["active"]},
    ]
    assert bodies(router, "parts.list") == [{"limit": 100, "name": ["search", "nowhere"]}]
    assert bodies(router, "tags.list") == [{"limit": 100, "name": ["p1"]}]


async def test_nothing_is_asked_for_names_that_nobody_uses(router: respx.MockRouter) -> None:
    """Without a word in use there is nothing to look up: the place itself is always there."""
    system = made(router)
    offers = await system.offers({"owned_by": (), "title": ["T"], "created_by.email": ()})
    assert offers == dict.fromkeys(("owned_by", "title", "created_by.email"), Offer())
    assert [call.request.url.path for call in router.calls] == ["/schemas.aggregated.get"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, {"type": "forbidden"}),
        (404, {"message": "route not found"}),
        (400, {"type": "bad_request"}),
    ],
)
async def test_what_may_not_be_listed_is_taken_to_be_there(
    router: respx.MockRouter, status: int, body: dict[str, Any]
) -> None:
    """A token may lack the right to look names up: nothing is called missing for that."""
    routes = ("dev-users.list", "tags.list", "parts.list", "stage-diagrams.get")
    for one in routes:
        router.post(f"{API}/{one}").respond(status, json=body)
    answer_subtypes(router)
    wanted = {"owned_by": ["x@y.example"], "tags": ["t"], "applies_to_parts": ["p"], "stage": ["s"]}
    offers = await made(router).offers(wanted)
    assert offers == dict.fromkeys(wanted, Offer())
    assert {one for one in routes if bodies(router, one)} == set(routes)


async def test_subtypes_that_may_not_be_listed_leave_their_fields_open(
    router: respx.MockRouter,
) -> None:
    """A field of a subtype is not called missing where no subtype is shown."""
    router.post(f"{API}/schemas.subtypes.list").respond(403, json={"type": "forbidden"})
    offers = await made(router).offers({"custom_fields.ctype__cause": ["disk"]})
    assert offers == {"custom_fields.ctype__cause": Offer()}


@pytest.mark.parametrize(("status", "error"), [(401, Denied), (500, Unreachable)])
async def test_an_organisation_that_does_not_answer_offers_nothing(
    router: respx.MockRouter, status: int, error: type[Exception]
) -> None:
    """Refused credentials are an error, and no service without anything."""
    system = made(router)
    router.post(f"{API}/schemas.aggregated.get").respond(status, json={"type": "x"})
    with pytest.raises(error):
        await system.offers({"title": ()})


async def test_what_an_organisation_offers_is_read_anew(router: respx.MockRouter) -> None:
    """Labels change at any time: a second look does not repeat the first one's answer."""
    answer_subtypes(router)
    system = made(router)
    assert (await system.offers({"severity": ["grave"]}))["severity"].missing == ("grave",)
    values = [{"id": 1, "label": "grave"}]
    newer = {"stock_fields": [{"name": "severity", "allowed_values": values}]}
    router.post(f"{API}/schemas.aggregated.get").respond(json={"schema": newer})
    assert (await system.offers({"severity": ["grave"]}))["severity"] == Offer(words=("grave",))
