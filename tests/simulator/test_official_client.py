"""The official Datadog client as the judge of the Datadog double."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.datadog.org import ANA
from instep.simulator.datadog.types import INCIDENT_TYPE
from instep.simulator.serve import serve
from instep.simulator.world import World

client: Any = pytest.importorskip("datadog_api_client")
errors: Any = pytest.importorskip("datadog_api_client.exceptions")
incidents: Any = pytest.importorskip("datadog_api_client.v2.api.incidents_api")
users: Any = pytest.importorskip("datadog_api_client.v2.api.users_api")
pytestmark = [
    pytest.mark.asyncio,
    # Every operation that the client calls unstable says so once.
    pytest.mark.filterwarnings("ignore:Using unstable operation"),
]
SLACK = {
    "channel_id": "C0123456789",
    "channel_name": "#peer",
    "team_id": "T01234567",
    "redirect_url": "https://slack.com/app_redirect?channel=C0123456789&team=T01234567",
}
Ask = Callable[..., Any]


def unparsed(value: Any, path: str = "reply") -> list[str]:
    """Answer where the client could not read a reply as its models promise."""
    found = [path] if getattr(value, "_unparsed", False) else []
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, list):
        inner = (("[]", item) for item in value)
    elif isinstance(value, dict):
        inner = value.items()
    elif hasattr(value, "_data_store"):
        inner = value._data_store.items()
    elif hasattr(value, "get_oneof_instance"):
        inner = [("oneof", value.get_oneof_instance())]
    for key, item in inner:
        found += unparsed(item, f"{path}.{key}")
    return list(dict.fromkeys(found))


@contextmanager
def apis_at(port: int) -> Iterator[tuple[Any, Any]]:
    """Open the official client on the double at ``port``: its incidents and its users."""
    keys = {"apiKeyAuth": "k", "appKeyAuth": "a"}
    config = client.Configuration(host=f"http://127.0.0.1:{port}", api_key=keys)
    unstable = config.unstable_operations
    unstable.values = dict.fromkeys(unstable.values, True)
    with client.ApiClient(config) as opened:
        yield incidents.IncidentsApi(opened), users.UsersApi(opened)


@pytest_asyncio.fixture
async def ask() -> AsyncIterator[Ask]:
    """Answer what makes a double with some switches and lets a function speak to it."""
    servers = []

    async def run(talk: Callable[..., Any], **switches: Any) -> Any:
        double = DatadogSimulator(World(), incidents=12, **({"search_lag": 0.0} | switches))
        servers.append(await serve(double.app, 0))

        def speak() -> Any:
            with apis_at(servers[-1].port) as apis:
                return talk(*apis)

        return await asyncio.to_thread(speak)

    yield run
    for server in servers:
        await server.stop()


def incident(attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Wrap the attributes of an incident."""
    return resource("incidents", attributes, **more)


def resource(kind: str, attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Wrap the attributes of something."""
    return {"data": {"type": kind, "attributes": attributes, **more}}


def clean(*replies: Any) -> None:
    """Assert that the client could read all of it."""
    assert [path for reply in replies for path in unparsed(reply)] == []


async def test_incidents(ask: Ask) -> None:
    """List with all that can be included, create, change, get, import and delete are clean."""

    def talk(api: Any, _: Any) -> None:
        include = ["users", "attachments"]
        about = {"title": "By the client", "customer_impacted": False}
        user = {"commander_user": {"data": {"type": "users", "id": ANA.id}}}
        made = api.create_incident(body=incident(about, relationships=user))
        key = made.data.id
        fields = {"state": {"type": "dropdown", "value": "resolved"}}
        new = incident({"title": "Changed", "fields": fields}, id=key)
        changed = api.update_incident(key, body=new)
        got = api.get_incident(key, include=include)
        assert got.data.attributes.title == "Changed"
        listed = api.list_incidents(page_size=100, include=include)
        past = {
            "title": "Old",
            "declared": datetime(2026, 1, 2, tzinfo=UTC),
            "visibility": "private",
        }
        imported = api.import_incident(body=incident(past))
        assert len(listed.data) == 13
        clean(made, changed, got, listed, imported)
        api.delete_incident(key)
        with pytest.raises(errors.NotFoundException) as told:
            api.delete_incident(key)
        assert told.value.body["errors"] == [f"incident {key} not found"]

    await ask(talk)


async def test_paging(ask: Ask) -> None:
    """The client's own paginators see each incident once, in lists and in searches."""

    def talk(api: Any, _: Any) -> None:
        listed = list(api.list_incidents_with_pagination(page_size=5))
        found = list(
            api.search_incidents_with_pagination(
                "state:(active OR stable OR resolved)", page_size=5
            )
        )
        assert len({one.id for one in listed}) == len(listed) == 12
        assert {one.data.id for one in found} == {one.id for one in listed}
        clean(listed, found)

    await ask(talk)


async def test_search_is_as_far_from_the_models_as_the_real_one(ask: Ask) -> None:
    """Only ``included``, which holds incidents against the schema, cannot be read (observed)."""

    def talk(api: Any, _: Any) -> None:
        found = api.search_incidents("state:active", page_size=100)
        assert found.data.attributes.total == len(found.data.attributes.incidents) > 0
        assert unparsed(found) == ["reply", "reply.included.[]"]
        clean(found.data, found.meta)

    await ask(talk)


async def test_attachments(ask: Ask) -> None:
    """Links and postmortems can be made, listed, changed and deleted."""

    def talk(api: Any, _: Any) -> None:
        key = str(api.list_incidents().data[0].id)
        link = {"title": "Peer", "documentUrl": "https://peer.example.com/1"}
        for kind in ("link", "postmortem"):
            new = resource("incident_attachments", {"attachment_type": kind, "attachment": link})
            made = api.create_incident_attachment(key, body=new)
        changes = resource("incident_attachments", {"attachment": link}, id=made.data.id)
        changed = api.update_incident_attachment(key, made.data.id, body=changes)
        listed = api.list_incident_attachments(key)
        assert len(listed.data) == 2
        clean(made, changed, listed, api.list_incident_attachments(key, filter_attachment_type="2"))
        clean(api.get_incident(key, include=["attachments"]))
        api.delete_incident_attachment(key, made.data.id)

    await ask(talk)


async def test_impacts(ask: Ask) -> None:
    """Impacts on customers can be made, listed, changed and deleted."""

    def talk(api: Any, _: Any) -> None:
        key = str(api.list_incidents().data[0].id)
        about = {"description": "Outage", "start_at": datetime(2026, 1, 2, tzinfo=UTC)}
        made = api.create_incident_impact(key, body=resource("incident_impacts", about))
        changes = resource("incident_impacts", {"description": "Over"}, id=made.data.id)
        changed = api.patch_incident_impact(key, made.data.id, body=changes)
        assert changed.data.attributes.description == "Over"
        clean(made, changed, api.list_incident_impacts(key), api.get_incident(key))
        api.delete_incident_impact(key, made.data.id)

    await ask(talk)


async def test_integrations(ask: Ask) -> None:
    """Integration metadata can be made, listed, shown, changed and deleted."""

    def talk(api: Any, _: Any) -> None:
        key = str(api.list_incidents().data[0].id)
        about = {"incident_id": key, "integration_type": 1, "metadata": {"channels": [SLACK]}}
        body = resource("incident_integrations", about)
        made = api.create_incident_integration(key, body=body)
        changed = api.update_incident_integration(key, made.data.id, body=body)
        got = api.get_incident_integration(key, made.data.id)
        clean(made, changed, got, api.list_incident_integrations(key), api.get_incident(key))
        api.delete_incident_integration(key, made.data.id)

    await ask(talk)


async def test_todos(ask: Ask) -> None:
    """Todos can be made, listed, shown, changed and deleted."""

    def talk(api: Any, _: Any) -> None:
        key = str(api.list_incidents().data[0].id)
        anonymous = {"icon": "https://i", "id": "USLACKBOT", "name": "Slackbot", "source": "slack"}
        about = {"content": "Call back", "assignees": ["@ana@example.com", anonymous]}
        body = resource("incident_todos", about)
        made = api.create_incident_todo(key, body=body)
        changed = api.update_incident_todo(key, made.data.id, body=body)
        clean(made, changed, api.get_incident_todo(key, made.data.id), api.list_incident_todos(key))
        api.delete_incident_todo(key, made.data.id)

    await ask(talk)


async def test_settings(ask: Ask) -> None:
    """Types and fields can be listed and made."""

    def talk(api: Any, _: Any) -> None:
        kind = api.create_incident_type(body=resource("incident_types", {"name": "Fraud"}))
        related = {"incident_type": {"data": {"type": "incident_types", "id": kind.data.id}}}
        about = {"name": "external_reference", "type": 4}
        new = resource("user_defined_field", about, relationships=related)
        made = api.create_incident_user_defined_field(body=new)
        of_both = api.list_incident_user_defined_fields()
        of_one = api.list_incident_user_defined_fields(filter_incident_type=INCIDENT_TYPE)
        assert len(of_both.data) == 2 * len(of_one.data)
        listed = api.list_incident_types()
        clean(kind, made, of_both, of_one, listed, api.get_incident_type(INCIDENT_TYPE))

    await ask(talk)


async def test_people(ask: Ask) -> None:
    """Users can be found, shown, invited and disabled."""

    def talk(_: Any, people: Any) -> None:
        found = people.list_users(filter="ana")
        assert [one.attributes.email for one in found.data] == ["ana@example.com"]
        made = people.create_user(body=resource("users", {"email": "Gus@example.com"}))
        clean(found, made, people.get_user(ANA.id), people.list_users())
        people.disable_user(made.data.id)
        assert people.get_user(made.data.id).data.attributes.disabled

    await ask(talk)


async def test_a_refusal_is_parsed(ask: Ask) -> None:
    """What the key's owner may not do raises the client's own error."""

    def talk(api: Any, _: Any) -> None:
        with pytest.raises(errors.ForbiddenException) as told:
            api.create_incident(body=incident({"title": "T", "customer_impacted": False}))
        assert told.value.body["errors"] == ["Forbidden"]

    await ask(talk, lacks="incident_write")


async def test_the_judge_finds_what_the_models_do_not_know(ask: Ask) -> None:
    """Custom severities mark the object and all above it: a clean walk is no blind one."""

    def talk(api: Any, _: Any) -> list[str]:
        return unparsed(api.list_incidents(page_size=100))

    assert await ask(talk, severities="minor,major,UNKNOWN") == [
        *("reply", "reply.data.[]", "reply.data.[].attributes", "reply.data.[].attributes.severity")
    ]
