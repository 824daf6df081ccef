"""Real traffic, recorded by Datadog's own client tests, against the connector.

Every incident that the service answered is read, and for the same intent the connector has to
make the request that was recorded: method, path and the shape of the body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
import yaml

from instep.core.model import Words
from instep.errors import Gone
from instep.systems.datadog import Datadog
from tests.reference import reference
from tests.wire.helpers import MARK

RECORDED = reference("contracts", "datadog-recorded")
INCIDENTS = "/api/v2/incidents"
DEFINED = {"data": [{"attributes": {"name": "external_reference", "type": 4}}]}
EMPTY = {"data": [], "meta": {"pagination": {"offset": 0, "next_offset": 0, "size": 0}}}


@dataclass
class Call:
    """One recorded request and its answer."""

    method: str
    path: str
    query: str
    body: Any
    status: int
    answer: Any


@dataclass
class Player:
    """Answers as recorded, each answer once; reads around a write show what was written."""

    calls: list[Call]
    asked: list[httpx.Request] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)
    users: list[Any] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append(request)
        path = request.url.path
        for call in self.calls:
            if (call.method, call.path) == (request.method, path):
                self.calls.remove(call)
                self.hold(call)
                return httpx.Response(call.status, json=call.answer)
        return httpx.Response(200, json=self.beside(path))

    def hold(self, call: Call) -> None:
        """Keep the incident that a recorded answer shows."""
        data = call.answer.get("data")
        if isinstance(data, dict) and data["type"] == "incidents":
            self.held[data["id"]] = data

    def beside(self, path: str) -> Any:
        """Answer what was not recorded: read-backs, people, definitions, the end of a list."""
        if path == INCIDENTS:
            return EMPTY
        if path.endswith("/user-defined-fields"):
            return DEFINED
        if path.endswith("/types"):
            return {"data": []}
        last = path.rpartition("/")[2]
        if path == "/api/v2/users":
            return {"data": self.users}
        known = {user["id"]: user for user in self.users} | self.held
        return {"data": known.get(last) or {"type": "users", "id": last, "attributes": {}}}

    def system(self) -> Datadog:
        """Connect to the recording."""
        paths = ["title", "fields.state", "fields.severity", "fields.services", "commander"]
        paths += ["resolved", "detected", "customer_impact_start"]
        return Datadog.connect(
            "datadog", paths, api_key="a", app_key="b", transport=httpx.MockTransport(self)
        )

    def sent(self, method: str) -> tuple[str, Any]:
        """Give path and body of the only request of a method."""
        (request,) = [one for one in self.asked if one.method == method]
        return request.url.path, orjson.loads(request.content)


def calls_of(name: str) -> list[Call]:
    """Load a recording."""
    text = (RECORDED / f"{name}.yaml").read_text()
    found = []
    for one in yaml.safe_load(text)["interactions"]:
        asked, answered = one["request"], one["response"]
        url = urlsplit(asked["uri"])
        body = orjson.loads(asked["body"]) if asked.get("body") else None
        said = answered["body"]["string"].strip()
        answer = orjson.loads(said) if said else {}
        status = answered["status"]["code"]
        found.append(Call(asked["method"], url.path, url.query, body, status, answer))
    return found


def shape(value: Any) -> Any:
    """Give keys and types of a JSON value."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in sorted(value.items())}
    if isinstance(value, list):
        return [shape(one) for one in value]
    return type(value).__name__


def words_of(body: Any, users: dict[str, str]) -> Words:
    """Say a recorded request's intent in words."""
    data = body["data"]
    about = data.get("attributes", {})
    words: dict[str, Any] = {}
    if "title" in about:
        words["title"] = about["title"]
    words |= {f"fields.{name}": one["value"] for name, one in about.get("fields", {}).items()}
    if "relationships" in data:
        words["commander"] = (users[data["relationships"]["commander_user"]["data"]["id"]],)
    return words


def names() -> list[str]:
    """Name every recording."""
    return sorted(path.stem for path in RECORDED.glob("*.yaml"))


def writes(method: str) -> list[Any]:
    """Give every recorded write of an incident, with its recording."""
    found = []
    for name in names():
        calls = calls_of(name)
        found += [
            pytest.param(name, number, id=f"{name}-{number}")
            for number, call in enumerate(calls)
            if call.method == method
            and call.path.startswith(INCIDENTS)
            and call.body["data"]["type"] == "incidents"
        ]
    return found


def player_of(name: str, number: int) -> tuple[Player, Call]:
    """Put a recording from a call on into a player; who was made before is known."""
    calls = calls_of(name)
    users = [call.answer["data"] for call in calls if call.path == "/api/v2/users"]
    player = Player(calls[number : number + 1], users=users)
    for call in calls[:number]:
        player.hold(call)
    return player, calls[number]


def test_the_recordings_are_there() -> None:
    """Where these tests run, there is something to compare with."""
    assert len(names()) >= 8


@pytest.mark.parametrize(("name", "number"), writes("POST"))
async def test_a_create_is_as_recorded(name: str, number: int) -> None:
    """The same create is sent, with the mark beside it; the answer is read."""
    player, call = player_of(name, number)
    emails = {user["id"]: user["attributes"]["email"] for user in player.users}
    system = player.system()
    written = await system.create(words_of(call.body, emails), MARK)
    path, body = player.sent("POST")
    fields = body["data"]["attributes"]["fields"]
    assert fields.pop("external_reference")["value"] == [str(MARK)]
    if not fields:
        del body["data"]["attributes"]["fields"]
    assert (path, shape(body)) == (call.path, shape(call.body))
    assert written.record.id == call.answer["data"]["id"]
    assert written.echo["title"] == call.body["data"]["attributes"]["title"]
    assert written.echo["resolved"] is None


@pytest.mark.parametrize(("name", "number"), writes("PATCH"))
async def test_an_update_is_as_recorded(name: str, number: int) -> None:
    """The same update is sent; what its answer shows is read, except for people."""
    player, call = player_of(name, number)
    emails = {user["id"]: user["attributes"]["email"] for user in player.users}
    system = player.system()
    seen = await system.read(call.path.rpartition("/")[2])
    written = await system.update(seen, words_of(call.body, emails))
    path, body = player.sent("PATCH")
    assert (path, shape(body)) == (call.path, shape(call.body))
    assert body["data"]["id"] == call.body["data"]["id"]
    assert "commander" not in written.echo
    for key, word in words_of(call.body, emails).items():
        assert key == "commander" or written.echo[key] == word


async def test_a_read_is_as_recorded() -> None:
    """One incident by its UUID, without parameters that were not recorded."""
    name = "get_the_details_of_an_incident_returns_ok_response"
    (number,) = [n for n, call in enumerate(calls_of(name)) if call.method == "GET"]
    player, call = player_of(name, number)
    record = await player.system().read(call.path.rpartition("/")[2])
    assert (player.asked[0].method, player.asked[0].url.path) == ("GET", call.path)
    assert record.display == f"IR-{call.answer['data']['attributes']['public_id']}"
    assert record.birth == call.answer["data"]["attributes"]["created"]


@pytest.mark.parametrize(
    "name",
    [
        "get_a_list_of_incidents_returns_ok_response",
        "get_a_list_of_incidents_returns_ok_response_with_pagination",
    ],
)
async def test_a_listing_is_as_recorded(name: str) -> None:
    """Every recorded row is listed, from the recorded offsets on, with the page size sent."""
    calls = [call for call in calls_of(name) if call.method == "GET"]
    rows = [row["id"] for call in calls for row in call.answer["data"]]
    player = Player(list(calls))
    system = player.system()
    pages = [page async for page in system.changes(None)]
    asked = [one for one in player.asked if one.url.path == INCIDENTS]
    offsets = [httpx.QueryParams(call.query).get("page[offset]", "0") for call in calls]
    assert [one.url.params["page[offset]"] for one in asked][: len(calls)] == offsets
    assert {one.url.params["page[size]"] for one in asked} == {"100"}
    assert [one.id for page in pages for one in page.records] == rows
    assert pages[-1].complete
    for page in pages:
        assert all(system.words(record)["title"] for record in page.records)


async def test_what_was_deleted_is_gone_as_recorded() -> None:
    """The recorded body of a 404 is read as the service's own words."""
    calls = calls_of("delete_an_existing_incident_returns_ok_response")
    (absent,) = [call for call in calls if call.status == 404]
    absent.method = "GET"
    with pytest.raises(Gone, match="not found"):
        await Player([absent]).system().read(absent.path.rpartition("/")[2])


async def test_a_delete_is_as_recorded() -> None:
    """204 with nothing in it, then a 404 that says that it is gone."""
    calls = calls_of("delete_an_existing_incident_returns_ok_response")
    player = Player([call for call in calls if call.method == "DELETE"])
    (wanted, _) = [call.path for call in player.calls]
    system = player.system()
    await system.delete(wanted.rpartition("/")[2])
    with pytest.raises(Gone, match="not found"):
        await system.delete(wanted.rpartition("/")[2])
    assert [one.url.path for one in player.asked] == [wanted, wanted]


async def test_an_attachment_is_as_recorded() -> None:
    """A link is attached in the recorded shape, and its answer is one of success."""
    calls = calls_of("create_incident_attachment_returns_created_response")
    (call,) = [one for one in calls if one.path.endswith("/attachments")]
    listed = Call("GET", call.path, "", None, 200, {"data": []})
    player = Player([listed, call])
    await player.system().link(call.path.split("/")[-2], {"T": "https://example.com/INC-1"})
    path, body = player.sent("POST")
    assert (path, shape(body)) == (call.path, shape(call.body))
