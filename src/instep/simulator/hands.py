"""The hands of a person who is at work in a service while a connector is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.simulator.wire import Call, as_object

if TYPE_CHECKING:
    from instep.simulator.world import Simulator

#: Service -> its own word for what an incident is called.
TITLES = {"devrev": "title", "datadog": "title", "prodmanager": "name"}
KINDS = ("insert", "edit", "delete")


def act(service: Simulator, call: Call, kind: str) -> None:
    """Open, edit or delete an incident: the one that ``call`` names, else any.

    Where there is none to edit or delete, nothing happens.
    """
    service.world.deeds += 1
    title = {TITLES[service.name]: f"Meanwhile, deed {service.world.deeds} of a person"}
    if kind == "insert":
        service.add(**title)
        return
    chosen = _named(service, call) or _any(service)
    if chosen and kind == "edit":
        service.edit(chosen, **title)
    elif chosen:
        service.delete(chosen)


def _named(service: Simulator, call: Call) -> str:
    """Find the incident that a path, a parameter or a body names as the one it is about."""
    body = as_object(call.body) or {}
    data = body.get("data")
    inner = data.get("id") if isinstance(data, dict) else None
    named = {*call.path.split("/"), call.param("id"), str(body.get("id")), str(inner)}
    return next((one for one in service.ids() if one in named), "")


def _any(service: Simulator) -> str:
    ids = service.ids()
    return service.world.chance.choice(ids) if ids else ""
