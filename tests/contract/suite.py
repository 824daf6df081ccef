"""What every system promises the engine, tried on each of them in the same words.

To add a connector, write ``test_<service>.py`` with one class of a few lines::

    class TestService(HttpSuite):
        connect = Service.connect        # the connector ...
        arguments = {"token": TOKEN}     # ... and the keywords that it takes beside its address
        double = ServiceSimulator        # what it speaks to, over a real socket ...
        switches = {"list_lag": 1.0}     # ... and how that is set
        paths = ("title", "severity")
        words = {"title": "Checkout down", "severity": "high"}
        ...                              # the rest of what ``SystemSuite`` asks for

Whatever is not known of the service is a switch of its double, and a subclass of that class which
sets the switch the other way. What only some systems can do stands in a suite of its own
(``tests/contract/extras.py``), which is added to the bases; a test fails if an ability was
declared whose suite was not. ``HttpSuite`` (``tests/contract/served.py``) is for services.

Every test gets a fresh double and a fresh connector. Nothing is skipped: what does not apply to a
system is not among its bases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from instep.core.model import NOTHING, Mark, Record, Words
from instep.errors import Gone, Unreachable
from instep.systems.base import System

TOKEN = "secret-token-of-the-test"
INCIDENTS = 120
MARK = Mark("origin", "INC-12", "7f2c9ab41d0e", "https://origin.example.com/incidents/INC-12")
#: A service may use an id twice; the incident's own is used once.
OTHER = Mark("origin", "INC-12", "a0b1c2d3e4f5", "https://origin.example.com/incidents/INC-12")
#: Each ability that a suite of its own tries, by that suite's name.
EXTRAS = {
    "HintsSuite": "hints",
    "CensusSuite": "census",
    "CommentsSuite": "comments",
    "LinksSuite": "links",
}


@dataclass
class Bench:
    """A connector, the double that it speaks to, that one's world, and how an hour passes there."""

    system: System
    double: Any
    world: Any
    pass_hour: Callable[[], None]

    async def records(self, since: str | None = None, *watch: str) -> dict[str, Record]:
        """List, and give each record that was shown."""
        pages = self.system.changes(since, watch)
        return {record.id: record async for page in pages for record in page.records}


@pytest.mark.asyncio(loop_scope="class")
class SystemSuite:
    """What holds for every system, without a network too; a fixture ``bench`` gives the system.

    Attributes:
        paths: the paths in use.
        words: own words by path, which a create carries and the service keeps as they are.
        change: own words by path for an update; ``None`` empties.
        moved: paths that the service may change by itself along with them.
        edit: what a person changes in the service's own interface, as the double takes it.
        edited: the path and the word that show the edit.
        unknown: an id of no record.
        offered: by path, a word that stands for something there.
        listed: those of these paths of which every word is known.
        absent: a path that names nothing there.
        creating, updating, listing: parts of "METHOD path" of the requests that do so, for faults.
    """

    paths: ClassVar[Collection[str]]
    words: ClassVar[Words]
    change: ClassVar[Words]
    moved: ClassVar[Collection[str]] = ()
    edit: ClassVar[Mapping[str, Any]]
    edited: ClassVar[tuple[str, Any]]
    unknown: ClassVar[str]
    offered: ClassVar[Mapping[str, str]]
    listed: ClassVar[Collection[str]]
    absent: ClassVar[str]
    creating: ClassVar[str]
    updating: ClassVar[str]
    listing: ClassVar[str]

    async def create(self, bench: Bench, words: Words = NOTHING) -> Record:
        """Make a record with the mark of the tests."""
        return (await bench.system.create(words or self.words, MARK)).record

    # Listing

    async def test_a_whole_listing_shows_every_record_and_says_so(self, bench: Bench) -> None:
        """``changes(None)`` lists each record, and only its last page is complete."""
        pages = [page async for page in bench.system.changes(None)]
        listed = {record.id for page in pages for record in page.records}
        assert listed == set(bench.double.ids())
        assert len(listed) == INCIDENTS
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]

    async def test_a_listing_reads_what_a_read_reads(self, bench: Bench) -> None:
        """A record listed and the same one read are equal: id, birth, digest, link and mark."""
        await self.create(bench)
        for record in list((await bench.records()).values())[-3:]:
            assert await bench.system.read(record.id) == record

    async def test_an_untouched_record_keeps_its_digest(self, bench: Bench) -> None:
        """Two listings of a quiet service are equal, so that nothing is looked at twice."""
        assert await bench.records() == await bench.records()

    async def test_an_edit_by_a_person_shows(self, bench: Bench) -> None:
        """An edit in the service's own interface moves the digest and the word, not the birth."""
        before = await self.create(bench)
        bench.double.edit(before.id, **self.edit)
        after = (await bench.records())[before.id]
        path, word = self.edited
        assert after.digest != before.digest
        assert (after.id, after.birth, after.mark) == (before.id, before.birth, before.mark)
        assert bench.system.words(after)[path] == word

    async def test_changes_since_a_cursor_show_the_edit(self, bench: Bench) -> None:
        """From the last cursor on, an edit is listed; only a whole listing can be complete."""
        pages = [page async for page in bench.system.changes(None)]
        cursor = pages[-1].cursor
        assert cursor is not None or not bench.system.abilities.filters_by_time
        edited = bench.double.ids()[0]
        bench.double.edit(edited, **self.edit)
        later = [page async for page in bench.system.changes(cursor, [edited])]
        assert edited in {record.id for page in later for record in page.records}
        assert later[-1].complete is (cursor is None)

    async def test_a_cursor_at_rest_stays(self, bench: Bench) -> None:
        """Asking from a cursor when nothing happened gives that cursor back, not less."""
        cursor = [page async for page in bench.system.changes(None)][-1].cursor
        again = [page async for page in bench.system.changes(cursor)]
        assert again[-1].cursor == cursor

    async def test_a_cursor_is_inclusive(self, bench: Bench) -> None:
        """What changed in the very moment of the cursor is shown again: more may have by then."""
        cursor = [page async for page in bench.system.changes(None)][-1].cursor
        assert await bench.records(cursor)

    async def test_an_edit_between_look_and_write_survives(self, bench: Bench) -> None:
        """What a person changes between our read and our write of another path is kept."""
        seen = await self.create(bench)
        bench.double.edit(seen.id, **self.edit)
        path, word = self.edited
        change = {other: wanted for other, wanted in self.change.items() if other != path}
        await bench.system.update(seen, change)
        assert bench.system.words(await bench.system.read(seen.id))[path] == word

    async def test_a_page_is_asked_for_when_it_is_wanted(self, bench: Bench) -> None:
        """The second page is not requested before the first is dealt with."""
        before = bench.world.count(self.listing)
        async for page in bench.system.changes(None):
            assert page.records
            break
        assert bench.world.count(self.listing) <= before + 3
        assert bench.world.writes == 0

    # Creating

    async def test_a_created_record_carries_its_mark(self, bench: Bench) -> None:
        """The mark is in the record as read back, as listed and as found; it points at nothing."""
        created = await self.create(bench)
        assert created.mark is not None
        assert (created.mark.origin, created.mark.uid) == (MARK.origin, MARK.uid)
        assert created.points == ()
        assert (await bench.records())[created.id].mark == created.mark
        assert await bench.system.find(MARK) == [created]
        assert await bench.system.find(OTHER) == []

    async def test_a_record_can_be_shown_to_people(self, bench: Bench) -> None:
        """It has something that people call it by, an address, and the time it was made (UTC)."""
        for record in (await bench.records()).values():
            assert record.display
            assert "://" in record.url
            assert datetime.fromisoformat(record.opened).tzinfo == UTC

    async def test_words_read_back_equal_the_words_sent(self, bench: Bench) -> None:
        """What a service keeps as it is comes back as the same words."""
        created = await self.create(bench)
        said = bench.system.words(created)
        assert {path: said[path] for path in self.words} == dict(self.words)

    async def test_words_are_of_the_paths_in_use(self, bench: Bench) -> None:
        """``words`` says something for each path that was asked for, and nothing else."""
        created = await self.create(bench)
        assert set(bench.system.words(created)) == set(self.paths)
        assert bench.system.abilities.born.keys() <= set(self.paths)

    async def test_a_fresh_record_says_what_is_declared(self, bench: Bench) -> None:
        """A path that a create cannot carry says its born word, unless the service set it."""
        abilities = bench.system.abilities
        said = bench.system.words(await self.create(bench))
        for path, word in abilities.born.items():
            is_set = abilities.moves.get(path, frozenset()) & self.words.keys()
            assert said[path] == word or is_set or path in abilities.stamps

    async def test_a_create_writes_once(self, bench: Bench) -> None:
        """A create is one request that writes, whatever is read around it."""
        await self.create(bench)
        assert bench.world.writes == 1

    async def test_an_echo_agrees_with_the_record(self, bench: Bench) -> None:
        """What the answer to a write shows is what is read back, when nobody is in between."""
        created = await bench.system.create(self.words, MARK)
        updated = await bench.system.update(created.record, self.change)
        for written in (created, updated):
            said = bench.system.words(written.record)
            assert all(said[path] == word for path, word in written.echo.items())

    # Updating

    async def test_an_update_changes_only_its_paths(self, bench: Bench) -> None:
        """Paths that are not given keep their words, except those that the service moves."""
        created = await self.create(bench)
        before = dict(bench.system.words(created))
        updated = await bench.system.update(created, self.change)
        after = dict(bench.system.words(updated.record))
        for path in self.moved:
            before.pop(path, None)
            after.pop(path, None)
        assert after == before | dict(self.change)
        assert bench.world.writes == 2

    async def test_an_update_keeps_the_mark(self, bench: Bench) -> None:
        """A record is still found by its mark after it was written to."""
        created = await self.create(bench)
        updated = (await bench.system.update(created, self.change)).record
        assert updated.mark == created.mark
        assert [one.id for one in await bench.system.find(MARK)] == [created.id]

    async def test_a_record_of_a_persons_own_gets_no_mark(self, bench: Bench) -> None:
        """An update of a record that instep did not make leaves its reference alone."""
        record = await bench.system.read(bench.double.ids()[0])
        updated = (await bench.system.update(record, self.change)).record
        assert (record.mark, updated.mark) == (None, None)

    # Deleting and absence

    async def test_an_unknown_id_is_gone(self, bench: Bench) -> None:
        """A read of an id that the service does not know says that there is no such record."""
        with pytest.raises(Gone):
            await bench.system.read(self.unknown)

    async def test_a_record_that_a_person_deleted_is_gone(self, bench: Bench) -> None:
        """It is gone for reads and for updates, and not listed or found."""
        created = await self.create(bench)
        bench.double.delete(created.id)
        with pytest.raises(Gone):
            await bench.system.read(created.id)
        with pytest.raises(Gone):
            await bench.system.update(created, self.change)
        assert created.id not in await bench.records()
        assert await bench.system.find(MARK) == []

    async def test_a_record_is_deleted(self, bench: Bench) -> None:
        """``delete`` takes away this record, with one request that writes, and no other."""
        created = await self.create(bench)
        await bench.system.delete(created.id)
        assert bench.world.writes == 2
        assert created.id not in bench.double.ids()
        assert len(bench.double.ids()) == INCIDENTS
        with pytest.raises(Gone):
            await bench.system.read(created.id)

    async def test_what_is_not_there_is_not_deleted(self, bench: Bench) -> None:
        """A deletion of an unknown id says that there is no such record."""
        with pytest.raises(Gone):
            await bench.system.delete(self.unknown)

    # Trouble

    async def test_a_create_without_an_answer_is_unclear_and_found(self, bench: Bench) -> None:
        """The record exists although no answer said so: it is not repeated, and can be found."""
        bench.world.fault(self.creating, "drop-after")
        with pytest.raises(Unreachable) as caught:
            await self.create(bench)
        assert caught.value.unclear
        assert len(await bench.system.find(MARK)) == 1

    async def test_an_update_without_an_answer_is_unclear(self, bench: Bench) -> None:
        """The change may be there: a read tells."""
        created = await self.create(bench)
        bench.world.fault(self.updating, "drop-after")
        with pytest.raises(Unreachable) as caught:
            await bench.system.update(created, self.change)
        assert caught.value.unclear
        said = bench.system.words(await bench.system.read(created.id))
        assert {path: said[path] for path in self.change} == dict(self.change)

    # What a system says of itself

    async def test_a_check_of_a_healthy_system_warns_of_nothing(self, bench: Bench) -> None:
        """Credentials, permissions and needed fields are all there: nothing needs to be made."""
        assert await bench.system.check() == ()
        assert await bench.system.prepare() == ()
        assert bench.world.writes == 0

    async def test_what_is_in_use_is_offered(self, bench: Bench) -> None:
        """Every path that was asked for is answered, and is there; nothing is written for that."""
        offers = await bench.system.offers(dict.fromkeys(self.paths, ()))
        assert set(offers) == set(self.paths)
        assert [path for path, offer in offers.items() if not offer.there or offer.missing] == []
        assert bench.world.writes == 0

    async def test_words_that_are_not_there_are_missing(self, bench: Bench) -> None:
        """A strange word is named beside one that is there; all are told where they are few."""
        wanted = {path: (word, "nothing of the kind") for path, word in self.offered.items()}
        offers = await bench.system.offers(wanted)
        assert {offer.missing for offer in offers.values()} == {("nothing of the kind",)}
        told = {path: offer.words for path, offer in offers.items() if offer.words is not None}
        assert set(told) == set(self.listed)
        assert [path for path, words in told.items() if self.offered[path] not in words] == []

    async def test_a_place_that_is_not_there_is_not_offered(self, bench: Bench) -> None:
        """A path of a field that nobody has made, or of nothing at all, is not there."""
        offers = await bench.system.offers({self.absent: (), "no.such[0]": ("word",)})
        assert [offer.there for offer in offers.values()] == [False, False]

    async def test_abilities_are_frozen(self, bench: Bench) -> None:
        """What a system can do does not change while it is used."""
        with pytest.raises(dataclasses.FrozenInstanceError):
            bench.system.abilities.filters_by_time = True  # type: ignore[misc]

    async def test_every_ability_is_tried(self, bench: Bench) -> None:
        """What a system says that it can do has its suite among the bases, and nothing else has."""
        bases = {base.__name__ for base in type(self).__mro__}
        declared = {
            suite for suite, name in EXTRAS.items() if getattr(bench.system.abilities, name)
        }
        assert bases & EXTRAS.keys() == declared
