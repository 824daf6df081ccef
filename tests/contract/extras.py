"""What only some systems can do: a suite for each ability, to be added to a connector's bases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from instep.errors import Gone
from tests.contract.suite import Bench, SystemSuite

LINKS = {
    "Datadog IR-7": "https://app.datadoghq.com/incidents/7",
    "Status 3": "https://status.example.com/incident/3",
}


class HintsSuite(SystemSuite):
    """Abilities ``hints``: between whole listings only some records are shown.

    Attributes:
        closing: what a person changes to close a record, as the double takes it.
        reopening: what a person changes to open it again.
    """

    closing: ClassVar[Mapping[str, Any]]
    reopening: ClassVar[Mapping[str, Any]]

    async def test_a_watched_record_is_shown_as_it_is(self, bench: Bench) -> None:
        """Closed or not, edited or not: what is watched is shown."""
        closed = bench.double.ids()[0]
        bench.double.edit(closed, **self.closing)
        since = await self.sweep(bench)
        bench.double.edit(closed, **self.edit)
        shown = await bench.records(since, closed)
        path, word = self.edited
        assert bench.system.words(shown[closed])[path] == word
        assert shown[closed] == await bench.system.read(closed)

    async def test_what_is_new_is_shown(self, bench: Bench) -> None:
        """A record that nobody watches yet is met without a whole listing."""
        since = await self.sweep(bench)
        new = bench.double.add(**self.edit)
        bench.pass_hour()
        assert new in await bench.records(since)

    async def test_what_was_reopened_is_shown(self, bench: Bench) -> None:
        """A closed record is not watched; opened again, it is shown."""
        record = bench.double.ids()[0]
        bench.double.edit(record, **self.closing)
        since = await self.sweep(bench)
        bench.double.edit(record, **self.reopening)
        bench.pass_hour()
        shown = await bench.records(since)
        assert shown[record] == await bench.system.read(record)

    async def test_what_is_closed_and_not_watched_is_not_shown(self, bench: Bench) -> None:
        """That is what makes it cheap: the rest waits for a whole listing."""
        record = bench.double.ids()[0]
        bench.double.edit(record, **self.closing)
        since = await self.sweep(bench)
        bench.pass_hour()
        assert record not in await bench.records(since)

    async def test_hints_conclude_nothing(self, bench: Bench) -> None:
        """No page is complete, so that nothing follows from what is not shown."""
        since = await self.sweep(bench)
        pages = [page async for page in bench.system.changes(since, bench.double.ids()[:3])]
        assert not any(page.complete for page in pages)

    async def test_a_watched_record_that_is_gone_is_left_out(self, bench: Bench) -> None:
        """It is for a whole listing to notice; the others are shown."""
        gone, there = bench.double.ids()[:2]
        since = await self.sweep(bench)
        bench.double.delete(gone)
        shown = await bench.records(since, gone, self.unknown, there)
        assert shown.keys() & {gone, self.unknown, there} == {there}

    async def sweep(self, bench: Bench) -> str:
        """List everything, and give where hints go on from: any text but none."""
        pages = [page async for page in bench.system.changes(None)]
        return pages[-1].cursor or "2026-02-03T09:12:00Z"


class CensusSuite(SystemSuite):
    """Ability ``census``: records are counted by what stands at one path."""

    async def test_a_census_counts_what_is_held(self, bench: Bench) -> None:
        """It agrees with a whole listing, word by word, and costs fewer requests."""
        path = bench.system.abilities.census
        before = bench.system.requests
        counted = await bench.system.census()
        asked = bench.system.requests - before
        records = await bench.records()
        held = Counter(bench.system.words(record)[path] or "" for record in records.values())
        assert counted == held
        assert asked < bench.system.requests - before - asked

    async def test_a_census_notices_one_more(self, bench: Bench) -> None:
        """A record that was made since is counted."""
        before = await bench.system.census()
        await self.create(bench)
        after = await bench.system.census()
        assert before is not None
        assert after is not None
        assert sum(after.values()) == sum(before.values()) + 1


class CommentsSuite(SystemSuite):
    """Ability ``comments``.

    Attributes:
        keeps_keys: whether the service keeps a writer's own name for a comment.
    """

    keeps_keys: ClassVar[bool] = True

    async def test_a_fresh_record_has_no_comments(self, bench: Bench) -> None:
        """What the service notes by itself about a record is no comment."""
        created = await self.create(bench)
        updated = await bench.system.update(created, self.change)
        assert await bench.system.comments(updated.record.id) == []

    async def test_what_is_said_is_read_and_internal(self, bench: Bench) -> None:
        """A comment comes back as it was written, for nobody outside."""
        created = await self.create(bench)
        await bench.system.say(created.id, "It is *back*,\n\nsince 09:12.", "key-1")
        (comment,) = await bench.system.comments(created.id)
        assert comment.text == "It is *back*,\n\nsince 09:12."
        assert comment.internal
        assert comment.at
        assert comment.key == ("key-1" if self.keeps_keys else "")

    async def test_a_key_is_said_once(self, bench: Bench) -> None:
        """Where keys are kept, one that is there already is not added again; texts may repeat."""
        created = await self.create(bench)
        for key in ("key-1", "key-1", "key-2"):
            await bench.system.say(created.id, "Again.", key)
        said = await bench.system.comments(created.id)
        assert len(said) == (2 if self.keeps_keys else 3)
        assert len({one.id for one in said}) == len(said)

    async def test_comments_stand_in_order(self, bench: Bench) -> None:
        """The oldest comes first, and keeps its id when others follow."""
        created = await self.create(bench)
        await bench.system.say(created.id, "first", "key-1")
        before = await bench.system.comments(created.id)
        await bench.system.say(created.id, "second", "key-2")
        after = await bench.system.comments(created.id)
        assert [one.text for one in after] == ["first", "second"]
        assert after[:1] == before

    async def test_nothing_is_said_to_what_is_gone(self, bench: Bench) -> None:
        """There is no such record: neither to read comments of nor to add one to."""
        with pytest.raises(Gone):
            await bench.system.say(self.unknown, "Hello?", "key-1")
        with pytest.raises(Gone):
            await bench.system.comments(self.unknown)

    async def test_a_comment_is_no_edit(self, bench: Bench) -> None:
        """What a record says, its birth and its mark stay as they are."""
        created = await self.create(bench)
        await bench.system.say(created.id, "A comment.", "key-1")
        after = await bench.system.read(created.id)
        assert bench.system.words(after) == bench.system.words(created)
        assert (after.birth, after.mark) == (created.birth, created.mark)


class LinksSuite(SystemSuite):
    """Ability ``links``: people are shown where the incident's other records are."""

    async def test_links_are_shown_once(self, bench: Bench) -> None:
        """Both links are there; the same ones again add nothing, and write nothing."""
        created = await self.create(bench)
        await bench.system.link(created.id, LINKS)
        assert await self.links(bench, created.id) == LINKS
        writes = bench.world.writes
        await bench.system.link(created.id, LINKS)
        assert await self.links(bench, created.id) == LINKS
        assert bench.world.writes == writes

    async def test_nothing_is_shown_on_what_is_gone(self, bench: Bench) -> None:
        """There is no such record: it has no place for a link."""
        with pytest.raises(Gone):
            await bench.system.link(self.unknown, LINKS)

    async def test_a_link_is_no_edit(self, bench: Bench) -> None:
        """What a record says, its birth and its mark stay as they are."""
        created = await self.create(bench)
        await bench.system.link(created.id, LINKS)
        after = await bench.system.read(created.id)
        assert bench.system.words(after) == bench.system.words(created)
        assert (after.birth, after.mark) == (created.birth, created.mark)

    async def links(self, bench: Bench, record_id: str) -> Mapping[str, str]:
        """Give the links that people see, title to address; a subclass knows where."""
        raise NotImplementedError
