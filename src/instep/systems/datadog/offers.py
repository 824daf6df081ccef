"""What a Datadog organisation has for the incidents that are made: fields, their values, people."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from instep.core.paths import below
from instep.errors import Denied
from instep.systems.base import Offer
from instep.systems.datadog.fields import Definition, Fields
from instep.systems.datadog.people import COMMANDER, People
from instep.systems.datadog.words import FIELDS, PLACES


class Offers:
    """Looks into the type of new incidents; what others have is nothing to them."""

    def __init__(self, fields: Fields, people: People) -> None:
        """Ask nothing yet."""
        self._fields = fields
        self._people = people

    async def at(self, wanted: Mapping[str, Collection[str]]) -> dict[str, Offer]:
        """Look up each path, of which these own words are wanted.

        Raises:
            Unreachable: the service did not answer as it should.
        """
        of = await self._fields.target()
        defined = await self._defined(of)
        return {path: await self._at(path, words, of, defined) for path, words in wanted.items()}

    async def _defined(self, of: str) -> Mapping[str, Definition] | None:
        """Read the definitions; ``None`` if the key may not."""
        try:
            return await self._fields.definitions(of)
        except Denied:
            return None

    async def _at(
        self,
        path: str,
        words: Collection[str],
        of: str,
        defined: Mapping[str, Definition] | None,
    ) -> Offer:
        """Look up one path."""
        if path == COMMANDER:
            return await self._commander(words)
        name, *deeper = below(path, FIELDS) or ("",)
        if not name:
            return Offer(there=PLACES.has(path))
        definition = (defined or {}).get(str(name))
        if definition and definition.values and not deeper:
            return Offer.listing(definition.values, words)
        # An incident may have shown it; where nothing is told, nothing is concluded.
        return Offer(there=defined is None or self._fields.shown(str(name), of) is not None)

    async def _commander(self, emails: Collection[str]) -> Offer:
        """Look for people who may be made commander."""
        try:
            missing = [one for one in emails if await self._people.find(one.lower()) is None]
        except Denied:
            return Offer()
        return Offer(missing=tuple(sorted(missing)))
