"""DevRev's calls: how they are made, how their lists are walked, and what their refusals mean.

Every call is a ``POST`` with a JSON body, since only that form has date filters. Messages are
generic (third-party notes), so what an answer means is read from its type and field.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

from instep.errors import Gone, RecordError, Rejected, Unreachable
from instep.systems.http import Answer, Door
from instep.systems.raw import Raw, dig, text

#: Items asked for on one page: the largest that a third party saw served.
LIMIT = 100

#: What an error says, the most telling first (documented).
_SAID = (
    "type",
    "subtype",
    "field_name",
    "value",
    "expected",
    "actual",
    "reason",
    "existing_parent",
    "provided_field_name",
    "dependent_field_name",
    "message",
    "detail",
    "debug_message",
    "reference_id",
)
#: What a person does about a refusal of one record, by its type or its subtype.
_ADVICE = {
    "stale_schema_fragments": "the fields changed in DevRev; they are read anew at the next try",
    "field_required": "fill the field in DevRev, or map it: a stage or a subtype may need it",
    "missing_required_field": "fill the field in DevRev, or map it",
    "field_not_in_schema": "the field is not one of this incident: check its name and subtype",
    "request_entity_too_large": "shorten the text",
}
#: Refusals that concern every request of this system, not one record.
_SETTINGS = {
    "invalid_api_version": "change `version` of this system in the configuration, or leave it out",
    "invalid_content_type": "something between here and DevRev changes requests: check `url`",
    "group_by": "set `poll: {group_by: ...}` to a field that DevRev groups by, or `by: changes`",
}
_LIMITS = frozenset({"limit", "limit_per_group"})
_ACCESS = "check the address and beta access"
_AGAIN = "instep lists again in the next cycle; tell DevRev's support if this stays"


class Unserved(Unreachable):
    """The service understood, and does not do what was asked: a repetition will not help.

    ``field`` is the part of the request that it names, if it names one.
    """

    def __init__(self, message: str, *, field: str = "", **about: Any) -> None:
        """Keep the ``field`` beside what every ``Unreachable`` has."""
        super().__init__(message, **about)
        self.field = field


def reason(value: Any) -> str:
    """Read an error into one line; ``message`` and ``type`` may both be missing (documented)."""
    said = [str(dig(value, key)) for key in _SAID if dig(value, key)]
    valid = dig(value, "allowed_values")
    return ": ".join(said) + (f" (allowed: {valid})" if valid else "")


class Api:
    """The calls of one organisation."""

    def __init__(self, door: Door) -> None:
        """Speak through ``door``."""
        self._door = door
        self.system = door.system
        self._limits = True

    async def ask(self, route: str, body: Raw) -> Answer:
        """Read what does not concern one record.

        Raises:
            Unserved: the service refused it.
            Denied, Unreachable: as for every request.
        """
        answer = await self._door.read("POST", route, json=body)
        if not answer.ok:
            raise self._unserved(answer)
        return answer

    async def about(self, route: str, body: Raw, record_id: str) -> Answer:
        """Read something of one incident.

        Raises:
            Gone: 404 of type ``not_found``, or 400 ``invalid_id`` (seen for unknown ids).
            Rejected: the service refused it, or says that the id has moved (301).
        """
        answer = await self._door.read("POST", route, json=body)
        if not answer.ok:
            raise self.refusal(answer, record_id)
        return answer

    async def tell(self, route: str, body: Raw, record_id: str, *, once: bool = False) -> Answer:
        """Send a request that writes, once; its refusals are those of ``about``.

        For what is made only ``once``, a conflict (409) says that it is there.
        """
        answer = await self._door.write("POST", route, json=body)
        if not answer.ok and not (once and answer.status == 409):
            raise self.refusal(answer, record_id)
        return answer

    async def walk(
        self, route: str, body: Raw, items: str, record_id: str = ""
    ) -> AsyncIterator[tuple[list[Any], bool]]:
        """Walk a list to its end, which is where no cursor is: a page may be empty before it.

        Yields the page's items, and whether it is the last.
        """
        cursor: str | None = None
        met: set[str] = set()
        while True:
            asked = {"limit": LIMIT} | body | ({"cursor": cursor} if cursor else {})
            answer = await self._page(route, asked, record_id)
            cursor = _next(answer)
            if cursor in met:
                raise answer.unusable("answered a cursor that does not move on", _AGAIN)
            met |= {cursor} if cursor else set()
            yield answer.part(items, list), not cursor
            if not cursor:
                return

    async def _page(self, route: str, body: Raw, record_id: str) -> Answer:
        """Ask for one page; where our limits are too large, for the service's own from then on.

        How many items may be asked for is not documented.
        """
        if not self._limits:
            body = {key: value for key, value in body.items() if key not in _LIMITS}
        answer = await self._door.read("POST", route, json=body)
        if answer.ok:
            return answer
        if _field(answer) in _LIMITS & body.keys():
            self._limits = False
            return await self._page(route, body, record_id)
        raise self.refusal(answer, record_id) if record_id else self._unserved(answer)

    def refusal(self, answer: Answer, record_id: str) -> RecordError | Unreachable:
        """Make the error for an answer without success."""
        said, why = answer.peek(), self._door.why(answer)
        kind = str(dig(said, "type"))
        about = {"system": self.system, "record": record_id}
        if says_gone(answer):
            return Gone(f"{self.system} has no incident {record_id}: {why}", **about)
        if kind in _SETTINGS:
            return answer.unusable(f"refused the request: {why}", _SETTINGS[kind])
        if answer.status == 301 and not answer.wrote:
            return self._moved(answer, record_id)
        if answer.status in (400, 409, 413):
            advice = _ADVICE.get(kind) or _ADVICE.get(str(dig(said, "subtype")), "")
            message = f"{self.system} refused {answer.asked}: {why or answer.status}"
            return Rejected(message, advice=advice, **about)
        # A 404 without a type is a route that does not exist, not an incident that is gone.
        return answer.unusable("did not answer as incidents do", _ACCESS)

    def _unserved(self, answer: Answer) -> Unserved:
        """Make the error for what is refused whoever it is about."""
        why = self._door.why(answer)
        told = (str(dig(answer.peek(), key)) for key in ("type", "field_name"))
        return Unserved(
            f"{self.system} refused {answer.asked}, status {answer.status}"
            + (f" ({why})" if why else ""),
            system=self.system,
            advice=next((_SETTINGS[one] for one in told if one in _SETTINGS), _ACCESS),
            field=_field(answer),
        )

    def _moved(self, answer: Answer, record_id: str) -> Rejected:
        """Say where an incident went; it is not followed, since its old id is what is known.

        The new id is in ``Location``, as an id or at the end of an address (documented).
        """
        new = unquote(answer.headers.get("location", "")).rpartition("id=")[2]
        return Rejected(
            f"{self.system} says that {record_id} has another id now: {new or 'not said which'}",
            system=self.system,
            record=record_id,
            advice=f"link the incident to {new or 'its new id'} instead",
        )


def incident(answer: Answer) -> Raw:
    """Take the incident out of an answer; a conflict is none."""
    raw: Raw = answer.part("incident", dict)
    if raw.get("id"):
        return raw
    raise answer.unusable("answered an incident without an id")


def says_gone(answer: Answer) -> bool:
    """Whether an answer says that there is no such incident.

    An unknown id is 404 ``not_found``, or often 400 ``invalid_id`` (third-party notes); in a
    request that writes the latter may also be about another id.
    """
    said = answer.peek()
    if answer.status == 400 and dig(said, "type") == "invalid_id":
        return not answer.wrote or dig(said, "field_name") in ("id", "object")
    return answer.status == 404 and dig(said, "type") == "not_found"


def _field(answer: Answer) -> str:
    """Name the part of a request that an error is about, if it names one."""
    return text(dig(answer.peek(), "field_name")) or ""


def _next(answer: Answer) -> str | None:
    """Find the next cursor; a list of stages, which is a ``result``, spells it otherwise.

    One that is no text must not pass for the end of a list: what it hides would seem gone.
    """
    said = answer.json()
    cursor = dig(said, "cursor" if dig(said, "result") is not None else "next_cursor")
    if cursor is None or isinstance(cursor, str):
        return cursor or None
    raise answer.unusable("answered a cursor that is no text", _AGAIN)
