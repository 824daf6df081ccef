"""Peep-holes for tests and soaks: what a double holds, what it was asked, what will strike it.

Nothing under ``/_sim/`` is guarded, struck or logged.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from instep.simulator.faults import PlanError, entries
from instep.simulator.wire import Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.world import Simulator

PREFIX = "/_sim/"


def peek(service: Simulator, call: Call) -> Reply:
    """Answer a request under ``/_sim/``."""
    world, name = service.world, service.name
    match call.method, call.path:
        case "GET", "/_sim/state":
            return as_json({"service": name, "records": service.records()})
        case "GET", "/_sim/log":
            log = [asdict(one) for one in world.requests if one.service == name]
            return as_json({"service": name, "requests": log})
        case "GET", "/_sim/faults":
            return as_json(_faults(service))
        case "POST", "/_sim/faults":
            return _add(service, call)
        case "DELETE", "/_sim/faults":
            world.clear(name)
            return Reply(204)
    return as_json({"message": "nothing to see here"}, 404)


def _faults(service: Simulator) -> dict[str, Any]:
    """Tell which faults may still strike this double, and how often they did."""
    coming = [
        {**fault.entry.said(), "seen": fault.seen, "struck": fault.struck}
        for fault in service.world.faults(service.name)
    ]
    return {"service": service.name, "faults": coming}


def _add(service: Simulator, call: Call) -> Reply:
    """Take on the faults of a JSON list, for this double alone; a wrong list adds none."""
    try:
        service.world.plan(entries(orjson.loads(call.body)), service.name)
    except orjson.JSONDecodeError as error:
        return as_json({"message": f"this is not JSON: {error}", "mistakes": []}, 400)
    except PlanError as error:
        mistakes = [asdict(mistake) for mistake in error.mistakes]
        return as_json({"message": str(error), "mistakes": mistakes}, 400)
    return as_json(_faults(service), 201)
