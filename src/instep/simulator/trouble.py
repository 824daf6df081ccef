"""Answers in place of the true one, as services, their gateways and their rate limits give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from instep.simulator.wire import Call, Reply, as_html, as_json, as_object

if TYPE_CHECKING:
    from instep.simulator.faults import Entry
    from instep.simulator.world import Simulator

#: What a service has no words of its own for; those of the kind beside it stand in.
WORDLESS = {("devrev", "502"): "500"}
ASKING = ("retry-after", "x-ratelimit-reset")


def refusal(service: Simulator, call: Call, struck: Mapping[str, Entry]) -> Reply | None:
    """Answer what stands in place of carrying the request out, if anything does."""
    for kind, answer in _REFUSALS.items():
        if kind in struck:
            return answer(service, call, struck[kind])
    return None


def spoiled(service: Simulator, call: Call, struck: Mapping[str, Entry], reply: Reply) -> Reply:
    """Answer what stands in place of ``reply`` although the request was carried out."""
    if "500-after" in struck:
        return _failed(service, call, struck["500-after"])
    if "garbage" in struck:
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    return reply


def _failed(service: Simulator, call: Call, entry: Entry) -> Reply:
    return replace(service.trouble("500", call), status=entry.status or 500)


def _gateway(service: Simulator, call: Call, entry: Entry) -> Reply:
    status = int(entry.kind)
    if entry.form == "own":
        worded = WORDLESS.get((service.name, entry.kind), entry.kind)
        return replace(service.trouble(worded, call), status=status)
    return as_html(f"{status} {HTTPStatus(status).phrase}", status)


def _page(_: Simulator, __: Call, entry: Entry) -> Reply:
    return as_html("Checking your browser", entry.status or 200)


def _own(service: Simulator, call: Call, entry: Entry) -> Reply:
    return service.trouble(entry.kind, call)


def _limited(service: Simulator, call: Call, entry: Entry) -> Reply:
    """Ask for patience, in the service's own words or in another's."""
    world, usual = service.world, service.world.retry_after
    wait = usual if entry.seconds is None else math.ceil(entry.seconds)
    world.retry_after = wait
    try:
        own = service.trouble("429", call)
    finally:
        world.retry_after = usual
    form = entry.form or "own"
    return own if form == "own" else _asking(own, form, wait, world.now())


def _asking(own: Reply, form: str, wait: int, now: datetime) -> Reply:
    """Take out every wait that the service's own answer names, and put in that of the form."""
    headers = {key: value for key, value in own.headers.items() if key not in ASKING}
    then = now + timedelta(seconds=wait)
    body = as_object(own.body) or {"message": "Too many requests"}
    body.pop("retry_after", None)
    if form == "body":
        body["retry_after"] = wait
    asked = {
        "retry-after": {"retry-after": str(wait)},
        "date": {"retry-after": format_datetime(then, usegmt=True)},
        "reset": {"x-ratelimit-reset": str(wait)},
        "reset-at": {"x-ratelimit-reset": str(math.ceil(then.timestamp()))},
    }
    return as_json(body, 429, headers=headers | asked.get(form, {}))


_REFUSALS: dict[str, Callable[[Simulator, Call, Entry], Reply]] = {
    "429": _limited,
    "401": _own,
    "403": _own,
    "empty": _own,
    "500-before": _failed,
    "502": _gateway,
    "503": _gateway,
    "html": _page,
}
