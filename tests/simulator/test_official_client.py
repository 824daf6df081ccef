"""The official Datadog client as the judge of the Datadog double."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.serve import serve
from instep.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

official = pytest.importorskip("datadog_api_client")
incidents = pytest.importorskip("datadog_api_client.v2.api.incidents_api")
users = pytest.importorskip("datadog_api_client.v2.api.users_api")
pytestmark = pytest.mark.asyncio
OPERATIONS = (
    *("list_incidents", "get_incident", "create_incident", "update_incident"),
    *("delete_incident", "list_incident_types", "list_incident_user_defined_fields"),
    *("import_incident", "list_incident_attachments", "create_incident_attachment"),
)


def unparsed(value: Any, path: str = "reply") -> list[str]:
    """Answer where the client could not read a reply as its models promise."""
    found = [path] if getattr(value, "_unparsed", False) else []
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, list):
        inner = enumerate(value)
    elif isinstance(value, dict):
        inner = value.items()
    elif hasattr(value, "_data_store"):
        inner = value._data_store.items()
    for key, item in inner:
        found += unparsed(item, f"{path}.{key}")
    return found


def converse(port: int) -> list[Any]:
    """List, get, create, change, attach to and delete; answer every reply."""
    keys = {"apiKeyAuth": "k", "appKeyAuth": "a"}
    config = official.Configuration(host=f"http://127.0.0.1:{port}", api_key=keys)
    for operation in OPERATIONS:
        config.unstable_operations[operation] = True
    with official.ApiClient(config) as client:
        api = incidents.IncidentsApi(client)
        listed = api.list_incidents(page_size=100)
        made = api.create_incident(
            body=_body({"title": "By the client", "customer_impacted": False})
        )
        changes = {"title": "Changed", "fields": {"state": {"type": "dropdown", "value": "stable"}}}
        changed = api.update_incident(made.data.id, body=_body(changes, id=made.data.id))
        got = api.get_incident(made.data.id)
        assert got.data.attributes.title == "Changed"
        replies = [listed, made, changed, got, api.list_incident_attachments(made.data.id)]
        replies += [api.list_incident_types(), api.list_incident_user_defined_fields()]
        api.delete_incident(made.data.id)
        return [*replies, users.UsersApi(client).list_users(filter="ana")]


def _body(attributes: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"data": {"type": "incidents", "attributes": attributes, **more}}


@pytest.mark.filterwarnings("ignore:Using unstable operation")
async def test_the_official_client_reads_every_reply() -> None:
    """No reply has a part that the official models refuse."""
    double = DatadogSimulator(World(), incidents=12)
    server = await serve(double.app, 0)
    try:
        replies = await asyncio.to_thread(converse, server.port)
    finally:
        await server.stop()
    assert len(replies[0].data) == 12
    assert [path for reply in replies for path in unparsed(reply)] == []
