"""What ProdManager answers: where a write points to, and why something was refused."""

from __future__ import annotations

import re

from instep.errors import Gone, Rejected
from instep.systems.http import Answer, Door
from instep.systems.raw import dig

INCIDENT = "/api/incident"
_PLACE = re.compile(rf"{INCIDENT}/(\d+)$")
_AROUND = re.compile(r"^\w+://[^/]*|[?#].*$")


def need(door: Door, answer: Answer, record_id: str, status: int) -> None:
    """Raise what an answer says, if its status is not the one that is needed.

    Raises:
        Gone: the service says that it has no such incident.
        Rejected: it gives reasons for refusing what was sent.
        Unreachable: anything else, such as a page of the web interface.
    """
    if answer.status == status:
        return
    reasons = dig(answer.peek(), "reasons")
    why = door.why(answer)
    # A deletion gives its reason as a text where the others have a list (observed).
    if answer.status == 404 and "Resource not found" in str(dig(reasons, "incident")):
        raise Gone(f"{door.system}: {why}", system=door.system, record=record_id)
    if answer.status in (400, 409) and isinstance(reasons, dict):
        raise Rejected(f"{door.system}: {why}", system=door.system, record=record_id)
    # Without the object a 404 is a route, and a 400 the web interface asking for its token.
    raise answer.unusable(f"did not answer as its API does: {why}")


def written(door: Door, answer: Answer, record_id: str) -> str:
    """Give the id of the incident that a write's redirect points to; of its host nothing."""
    need(door, answer, record_id, 302)
    found = _PLACE.search(place(answer))
    if found is None or (record_id and found[1] != record_id):
        raise answer.unusable("redirected to somewhere else than the incident")
    return found[1]


def place(answer: Answer) -> str:
    """Give the path of a redirect, whatever stands for a host before it."""
    return _AROUND.sub("", answer.headers.get("location", ""))
