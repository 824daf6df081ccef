"""The Datadog double against recorded traffic of the real service: every request, every shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import yaml

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import ANA
from tests.reference import reference

if TYPE_CHECKING:
    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Connect

pytestmark = pytest.mark.asyncio

#: Each recording, with the commanders of the incidents that its organisation held before.
RECORDINGS: dict[str, tuple[str | None, ...]] = {
    "add_commander_to_an_incident_returns_ok_response": (),
    "create_an_incident_returns_created_response": (),
    "create_incident_attachment_returns_created_response": (),
    "delete_an_existing_incident_returns_ok_response": (),
    "get_a_list_of_incidents_returns_ok_response": (None, None, None, None, ANA.id),
    "get_a_list_of_incidents_returns_ok_response_with_pagination": (ANA.id, ANA.id, ANA.id),
    "get_the_details_of_an_incident_returns_ok_response": (),
    "update_an_existing_incident_returns_ok_response": (),
}
LATER = "recorded in 2022: the service shows it since, as all recordings of 2026 do"
#: How replies differ from those recorded, and why they should.
KNOWN: dict[str, dict[str, str]] = {
    "get_a_list_of_incidents_returns_ok_response_with_pagination": {
        "GET /api/v2/incidents.data[].attributes.archived: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.case_id: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.declared: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.declared_by_uuid: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.fields.slug: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.incident_type_uuid: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.is_test: only here": LATER,
        "GET /api/v2/incidents.data[].attributes.visibility: null there": LATER,
        "GET /api/v2/incidents.data[].relationships.declared_by_user: only here": LATER,
        "GET /api/v2/incidents.data[].relationships.responders.data: empty there": (
            "incidents of 2021, when a commander was no responder yet; in 2026 one is"
        ),
        "GET /api/v2/incidents.meta.pagination.next_offset: only here": (
            "trimmed by hand: wherever it was not, the last page has it too"
        ),
    },
}


def differences(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """Say where two values differ in keys or JSON types, down to the last element of each list.

    What is null or empty on one side only is said too, since it hides all that is below it.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        yield from (f"{path}.{key}: only here" for key in ours.keys() - theirs.keys())
        yield from (f"{path}.{key}: only there" for key in theirs.keys() - ours.keys())
        for key in ours.keys() & theirs.keys():
            yield from differences(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if bool(ours) != bool(theirs):
            yield f"{path}: empty {'there' if ours else 'here'}"
            return
        for one, other in zip_longest(ours, theirs):
            here, there = (ours[0] if one is None else one), (theirs[0] if other is None else other)
            yield from differences(here, there, f"{path}[]")
    elif (ours is None) != (theirs is None):
        yield f"{path}: null {'here' if ours is None else 'there'}"
    elif type(ours) is not type(theirs):
        yield f"{path}: {type(ours).__name__} here, {type(theirs).__name__} there"


class Replay:
    """Sends recorded requests about records of our own."""

    def __init__(self, client: httpx.AsyncClient, name: str) -> None:
        """Speak through ``client``."""
        path = reference("contracts", "datadog-recorded") / f"{name}.yaml"
        self.interactions = yaml.safe_load(path.read_text(encoding="utf-8"))["interactions"]
        self.found: set[str] = set()
        self._client = client
        self._ids: dict[str, str] = {}

    async def run(self) -> set[str]:
        """Send every request; answer all differences."""
        for interaction in self.interactions:
            await self._one(interaction["request"], interaction["response"])
        return self.found

    async def _one(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        uri = request["uri"].removeprefix("https://api.datadoghq.com")
        uri, body = self._ours(uri), self._ours(request["body"] or "")
        reply = await self._client.request(request["method"], uri, content=body)
        asked = f"{request['method']} {uri.partition('?')[0]}"
        for own in self._ids.values():
            asked = asked.replace(own, "ID")
        heard = [reply.status_code, reply.headers.get("content-type")]
        told = [response["status"]["code"], *response["headers"].get("content-type", [None])]
        if heard != told:
            self.found.add(f"{asked}: {heard} here, {told} there")
        self._compare(asked, reply.content, response["body"]["string"])

    def _ours(self, text: str) -> str:
        for theirs, own in self._ids.items():
            text = text.replace(theirs, own)
        return text

    def _compare(self, asked: str, heard: bytes, told: str) -> None:
        ours, theirs = orjson.loads(heard or b"null"), orjson.loads(told or "null")
        if theirs and isinstance(theirs.get("data"), dict):
            self._ids.setdefault(theirs["data"]["id"], ours["data"]["id"])
        self.found.update(differences(ours, theirs, asked))


async def replayed(
    world: World, connect: Connect, name: str, *, has_field: bool = False
) -> set[str]:
    """Replay a recording; the recorded organisation has no field for external references."""
    double = DatadogSimulator(world, incidents=0, reference_field=has_field)
    async with connect(double) as client:
        for commander in RECORDINGS[name]:
            user = {"type": "users", "id": commander} if commander else None
            data = {
                "type": "incidents",
                "attributes": {"title": "Before", "customer_impacted": False},
                "relationships": {"commander_user": {"data": user}},
            }
            reply = await client.post("/api/v2/incidents", json={"data": data})
            assert reply.status_code == 201
        return await Replay(client, name).run()


async def test_every_recording_is_replayed() -> None:
    """No recording that is at hand is left out."""
    folder = reference("contracts", "datadog-recorded")
    assert {path.stem for path in folder.iterdir()} == RECORDINGS.keys()


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_replayed_recording_has_its_statuses_and_shapes(
    world: World, connect: Connect, name: str
) -> None:
    """Each request is answered as it was, but for what the table says, all of which occurs."""
    found = await replayed(world, connect, name)
    assert sorted(found) == sorted(KNOWN.get(name, {}))


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"a": 1}, {"b": 1}, {".a: only here", ".b: only there"}),
        (
            {"a": [{"b": 1}, {"b": 2}]},
            {"a": [{"b": 1}, {"b": "2"}]},
            {".a[].b: int here, str there"},
        ),
        ([{"b": 1}], [{"b": 1}, {"c": 1}], {"[].b: only here", "[].c: only there"}),
        ({"a": None}, {"a": {"b": 1}}, {".a: null here"}),
        ({"a": [1]}, {"a": []}, {".a: empty there"}),
        ({"a": True}, {"a": 1}, {".a: bool here, int there"}),
        ({"a": [1, None], "b": "x"}, {"a": [2, None], "b": "y"}, set()),
    ],
)
async def test_every_kind_of_difference_is_said(ours: Any, theirs: Any, said: set[str]) -> None:
    """A key, a type, a later element, a null or an empty list cannot differ unheard."""
    assert set(differences(ours, theirs, "")) == said


async def test_a_double_that_is_unlike_the_recording_is_found_out(
    world: World, connect: Connect
) -> None:
    """With the field that the recorded organisation lacks, the replay says where it stands."""
    name = "get_the_details_of_an_incident_returns_ok_response"
    found = await replayed(world, connect, name, has_field=True)
    field = "attributes.fields.external_reference: only here"
    assert found == {
        f"POST /api/v2/incidents.data.{field}",
        f"GET /api/v2/incidents/ID.data.{field}",
    }
