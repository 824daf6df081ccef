"""What a DevRev organisation has for its incidents: labels, stages, custom fields, names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from instep.core.paths import Steps, below
from instep.errors import Forbidden, Rejected
from instep.systems.base import Offer
from instep.systems.devrev.api import Unserved
from instep.systems.devrev.names import LOOKUPS, Names
from instep.systems.devrev.schema import SUBTYPE, Custom, Schemas
from instep.systems.devrev.words import CHOICES, CUSTOM, PLACES


class Offers:
    """Looks into the schema, the stages and the lists of names.

    What any subtype has counts as there. What is deprecated does not: it is written no more.
    """

    def __init__(self, names: Names, schemas: Schemas) -> None:
        """Ask nothing yet."""
        self._names = names
        self._schemas = schemas

    async def at(self, wanted: Mapping[str, Collection[str]]) -> dict[str, Offer]:
        """Look up each path, of which these own words are wanted.

        Raises:
            Denied, Unreachable: the schema cannot be read.
        """
        self._names.refresh()
        await self._schemas.know()
        return {path: await self._tried(path, words) for path, words in wanted.items()}

    async def customs(self, name: str) -> list[Custom]:
        """Give a custom field as the schemas show it; each subtype has a schema of its own."""
        subtypes = await self._schemas.subtypes() if name.startswith(SUBTYPE) else []
        await self._schemas.know(subtypes)
        found = (self._schemas.custom(name, one) for one in ("", *subtypes))
        return [one for one in found if one is not None]

    async def _tried(self, path: str, words: Collection[str]) -> Offer:
        """Look up one path; where that is not allowed, nothing is concluded."""
        try:
            return await self._at(path, words)
        except (Forbidden, Unserved, Rejected):
            return Offer()

    async def _at(self, path: str, words: Collection[str]) -> Offer:
        """Look up one path."""
        if found := below(path, CUSTOM):
            return await self._custom(found, words)
        if path in LOOKUPS:
            known = await self._names.find(path, [_plain(path, one) for one in words])
            missing = [one for one in words if _plain(path, one) not in known]
            return Offer(missing=tuple(sorted(missing)))
        if path in CHOICES:
            return await self._listed(lambda one: self._schemas.labels(path, one), words)
        if path == "stage":
            return await self._listed(self._names.stages, words)
        return Offer(there=PLACES.has(path))

    async def _custom(self, found: Steps, words: Collection[str]) -> Offer:
        """Look up a custom field; only enumerated ones have words of their own."""
        customs = await self.customs(str(found[0]))
        labels = [label for one in customs for label in sorted(one.writable)]
        if labels and len(found) == 1:
            return Offer.listing(labels, words)
        return Offer(there=bool(customs))

    async def _listed(
        self, read: Callable[[str], Awaitable[Iterable[str]]], words: Collection[str]
    ) -> Offer:
        """Put together what incidents without a subtype have, and those of each subtype."""
        subtypes = ["", *await self._schemas.subtypes()]
        return Offer.listing([word for one in subtypes for word in await read(one)], words)


def _plain(path: str, name: str) -> str:
    """Spell a name as it is looked up: e-mails without case."""
    return name.casefold() if path == "owned_by" else name
