"""The doubles' replies against published schemas and recorded replies, where these are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.devrev_lookups import STAGE_IDS

if TYPE_CHECKING:
    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

yaml = pytest.importorskip("yaml")
jsonschema = pytest.importorskip("jsonschema")
pytestmark = pytest.mark.asyncio
CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
OPENAPI = CONTRACTS / "devrev-openapi.yaml"
RECORDED = CONTRACTS / "datadog-recorded"


def repaired(node: Any, name: str = "") -> Any:
    """Turn an OpenAPI schema into one that JSON Schema can judge by.

    Tagged unions choose by their tag instead of by `oneOf`, nullable types get a second type,
    and the empty variants of errors are opened.
    """
    if isinstance(node, list):
        return [repaired(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: repaired(item, key) for key, item in node.items() if key != "nullable"}
    if node.get("nullable") and isinstance(node.get("type"), str):
        kept["type"] = [node["type"], "null"]
    tagged = node.get("discriminator", {})
    if "mapping" in tagged:
        kept.pop("oneOf", None)
        tag = tagged["propertyName"]
        kept["allOf"] = [
            {
                "if": {"properties": {tag: {"const": value}}, "required": [tag]},
                "then": {"$ref": target},
            }
            for value, target in tagged["mapping"].items()
        ]
    if name.startswith("error-") and not node.get("properties"):
        kept.pop("additionalProperties", None)
    return kept


class Judge:
    """Judges values by the schemas of the OpenAPI document."""

    def __init__(self) -> None:
        """Read and repair the document once."""
        self._document = repaired(yaml.load(OPENAPI.read_text(), Loader=yaml.CSafeLoader))

    def faults(self, value: Any, schema: str) -> list[str]:
        """Answer what is wrong with a value."""
        reference = {"$ref": f"#/components/schemas/{schema}"} | self._document
        errors = jsonschema.Draft202012Validator(reference).iter_errors(value)
        return [f"{schema} {list(error.path)}: {error.message}" for error in errors]


async def converse(client: httpx.AsyncClient, double: DevRevSimulator) -> list[tuple[str, Any]]:
    """Call every DevRev verb, with good and bad bodies; answer schema names and replies."""
    created = {
        "title": "All of it",
        "body": "Text",
        "severity": 2,
        "reported_by": 3,
        "stage": {"stage": STAGE_IDS["fixing"]},
        "stage_validation_options": ["allow_non_start"],
        "owned_by": ["DEVU-2"],
        "applies_to_parts": ["RUNN-5", "PROD-2"],
        "tags": [{"tag_id": "TAG-9", "value": "eu"}],
        "impact": {"count": 1},
        "custom_schema_spec": {"tenant_fragment": True},
        "custom_fields": {"tnt__region": "eu"},
        "identified_date": "2026-02-03T09:12:00.000Z",
        "sync_metadata": {
            "external_reference": "https://peer/1",
            "last_sync_in": {"status": "succeeded", "sync_date": "2026-02-03T09:12:00.000Z"},
        },
    }
    first = {"id": double.ids()[0]}
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("incidents.create", created, "incidents-create-response"),
        ("incidents.update", first | {"severity": 1}, "incidents-update-response"),
        ("incidents.get", first, "incidents-get-response"),
        ("incidents.list", {"limit": 3}, "incidents-list-response"),
        *(
            ("incidents.group", {"group_by": by, "limit_per_group": 1}, "incidents-group-response")
            for by in ("severity", "stage", "owned_by", "tags", "created_date")
        ),
        ("schemas.aggregated.get", {"leaf_type": "incident"}, "aggregated-schema-get-response"),
        ("stage-diagrams.get", {"leaf_type": "incident"}, "stage-diagrams-get-response"),
        ("dev-users.list", {}, "dev-users-list-response"),
        ("parts.list", {}, "parts-list-response"),
        ("incidents.create", {"titel": ""}, "error-bad-request"),
        ("incidents.update", first | {"owned_by": ["DEVU-2"]}, "error-bad-request"),
        ("incidents.create", created | {"custom_schema_spec": {}}, "error-bad-request"),
        ("incidents.list", {"modified_date": {"type": "x"}}, "error-bad-request"),
        ("incidents.get", {"id": double.ids()[0] + "99"}, "error-not-found"),
        ("incidents.delete", first, "incidents-delete-response"),
    ]
    return [
        (schema, (await client.post(f"/{verb}", json=body)).json()) for verb, body, schema in calls
    ]


@pytest.mark.skipif(not OPENAPI.exists(), reason="the OpenAPI document is not at hand")
async def test_devrev_replies_fit_the_openapi_document(world: World, connect: Connect) -> None:
    """Every reply of the DevRev double is valid, and the judge refuses what is not."""
    double = DevRevSimulator(world)
    judge = Judge()
    async with connect(double) as client:
        replies = await converse(client, double)
        for kind, schema in (("429", "error-too-many-requests"), ("401", "error-unauthorized")):
            world.fault("list", kind)
            replies.append((schema, (await client.get("/incidents.list")).json()))
    assert [fault for schema, reply in replies for fault in judge.faults(reply, schema)] == []
    assert judge.faults({"incident": {"id": "x"}}, "incidents-get-response")


def shape(value: Any) -> Any:
    """Answer the keys and the JSON types of a value, all the way down; empty values fit all."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]] or None
    return type(value).__name__ if value is not None else None


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Answer where two shapes differ; what only one of them leaves empty does not count."""
    if ours is None or theirs is None:
        return []
    if isinstance(ours, dict) and isinstance(theirs, dict):
        apart = [f"{path}.{key}" for key in ours.keys() ^ theirs.keys()]
        shared = ours.keys() & theirs.keys()
        return apart + [d for k in shared for d in differences(ours[k], theirs[k], f"{path}.{k}")]
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{path}[]")
    return [] if ours == theirs else [f"{path}: {ours} is not {theirs}"]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recordings are not at hand")
@pytest.mark.parametrize(
    "name",
    [
        "create_an_incident_returns_created_response",
        "create_incident_attachment_returns_created_response",
        "delete_an_existing_incident_returns_ok_response",
        "get_the_details_of_an_incident_returns_ok_response",
        "update_an_existing_incident_returns_ok_response",
        "add_commander_to_an_incident_returns_ok_response",
        "get_a_list_of_incidents_returns_ok_response",
    ],
)
async def test_datadog_replies_have_the_recorded_shape(
    world: World, connect: Connect, name: str
) -> None:
    """Replaying a recording gives its statuses, content types, keys and JSON types."""
    double = DatadogSimulator(world, incidents=0)
    recording = (RECORDED / f"{name}.yaml").read_text()
    ids: dict[str, str] = {}
    found: list[str] = []
    async with connect(double) as client:
        people = (await client.get("/api/v2/users")).json()["data"]
        for interaction in yaml.load(recording, Loader=yaml.CSafeLoader)["interactions"]:
            found += await replay(client, interaction, ids, people[2]["id"])
    custom = ".data.attributes.fields.external_reference"
    assert [one for one in found if not one.replace("[]", "").startswith(custom)] == []


async def replay(
    client: httpx.AsyncClient, interaction: dict[str, Any], ids: dict[str, str], somebody: str
) -> list[str]:
    """Send a recorded request about our own records; answer how the reply differs."""
    request, response = interaction["request"], interaction["response"]
    theirs = yaml.safe_load(response["body"]["string"] or "null")
    if "/api/v2/users" in request["uri"]:
        # People cannot be made here: whoever was made there is somebody who exists here.
        if theirs:
            ids[theirs["data"]["id"]] = somebody
        return []
    uri, body = request["uri"].partition("datadoghq.com")[2], request["body"] or ""
    for old, new in ids.items():
        uri, body = uri.replace(old, new), body.replace(old, new)
    reply = await client.request(request["method"], uri, content=body)
    if reply.status_code != response["status"]["code"]:
        return [f"{request['method']} {uri}: {reply.status_code} {reply.text}"]
    if not theirs:
        return []
    ours = reply.json()
    kinds = reply.headers["content-type"], response["headers"]["content-type"][0]
    if isinstance(theirs.get("data"), dict):
        ids.setdefault(theirs["data"]["id"], ours["data"]["id"])
    apart = differences(shape(ours), shape(theirs))
    return apart + ([f"{uri}: {kinds}"] if kinds[0] != kinds[1] else [])
