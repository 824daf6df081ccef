"""What Datadog answers: incidents, rows of incidents, and why something was refused."""

from __future__ import annotations

import re
from typing import Any

from instep.errors import Gone, InstepError, Rejected
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, dig, having_id, text

INCIDENTS = "/api/v2/incidents"
#: What the service says of an incident that is not there (recorded); a wrong route says less, and
#: a malformed id something else.
_ABSENT = re.compile(r"\bincident\b.*\bnot found\b", re.IGNORECASE)


def incident(door: Door, answer: Answer, record_id: str) -> Raw:
    """Take the incident out of an answer, or raise what the answer says instead."""
    if not answer.ok:
        raise refusal(door, answer, record_id)
    raw: Raw = answer.part("data", dict)
    if text(raw.get("id")):
        return raw
    raise answer.unusable("answered an incident without an id")


def refusal(door: Door, answer: Answer, record_id: str, advice: str = "") -> InstepError:
    """Make the error for an answer about one record that is none of success.

    Gone if it is a 404 that says "incident ... not found", Rejected if the service did not like
    what was sent, Unreachable for everything else.
    """
    why = door.why(answer)
    system = door.system
    if answer.status == 404 and _ABSENT.search(why):
        return Gone(f"{system}: {why}", system=system, record=record_id)
    if answer.status in (400, 409, 413, 422):
        said = f"{system} refused {answer.asked}: {why or answer.status}"
        return Rejected(said, system=system, record=record_id, advice=advice)
    return answer.unusable(f"did not answer as incidents do: {why}")


def rows(system: str, answer: Answer) -> list[Raw]:
    """Take the incidents out of a page."""
    listed = answer.part("data", list)
    return having_id(system, [one if text(dig(one, "id")) else None for one in listed])


def incident_type(raw: Raw) -> str:
    """Give the UUID of an incident's type; old shapes have none, which is the empty text."""
    return text(dig(raw, "attributes", "incident_type_uuid")) or ""


def reason(value: Any) -> str:
    """Read an error of either family: a list of sentences, or of JSON:API objects."""
    errors = dig(value, "errors")
    said = [
        one if isinstance(one, str) else f"{dig(one, 'title') or ''}: {dig(one, 'detail') or ''}"
        for one in (errors if isinstance(errors, list) else [])
    ]
    return "; ".join(said)
