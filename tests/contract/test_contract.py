"""What every system promises the engine, tried on each of them in the same words."""

from __future__ import annotations

import dataclasses

import pytest

from instep.core.model import Mark
from instep.errors import Denied, Gone, SideError, Unreachable
from tests.contract.benches import INCIDENTS, MARK, TOKEN, Bench

OTHER = Mark("origin", "INC-13", "another1", "https://origin.example.com/incidents/INC-13")


def need(bench: Bench, kind: str) -> None:
    """Skip where a double cannot fail in this way."""
    if kind not in bench.faults:
        pytest.skip(f"cannot fail by {kind}")


# Listing


async def test_a_whole_listing_shows_every_record_and_says_so(bench: Bench) -> None:
    """``changes(None)`` lists each record, and only its last page is complete."""
    pages = [page async for page in bench.system.changes(None)]
    listed = {record.id for page in pages for record in page.records}
    assert listed == set(bench.double.ids())
    assert len(listed) == INCIDENTS
    assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]


async def test_a_listing_reads_what_a_read_reads(bench: Bench) -> None:
    """A record listed and the same one read are equal: id, birth, digest, link and mark."""
    await bench.create()
    for record in list((await bench.records()).values())[-3:]:
        assert await bench.system.read(record.id) == record


async def test_an_untouched_record_keeps_its_digest(bench: Bench) -> None:
    """Two listings of a quiet service give equal records, so that nothing is looked at twice."""
    assert await bench.records() == await bench.records()


async def test_an_edit_by_a_person_shows(bench: Bench) -> None:
    """An edit in the service's own interface moves the digest and the word, not the birth."""
    before = await bench.create()
    bench.double.edit(before.id, **bench.edit)
    after = (await bench.records())[before.id]
    path, word = bench.edited
    assert after.digest != before.digest
    assert (after.id, after.birth, after.mark) == (before.id, before.birth, before.mark)
    assert bench.system.words(after)[path] == word


async def test_changes_since_a_cursor_show_the_edit(bench: Bench) -> None:
    """From the last cursor on, an edit is listed; only a whole listing can be complete."""
    pages = [page async for page in bench.system.changes(None)]
    cursor = pages[-1].cursor
    assert (cursor is not None) == bench.system.abilities.filters_by_time
    edited = bench.double.ids()[0]
    bench.double.edit(edited, **bench.edit)
    later = [page async for page in bench.system.changes(cursor)]
    assert edited in {record.id for page in later for record in page.records}
    assert later[-1].complete is (cursor is None)


async def test_a_cursor_at_rest_stays(bench: Bench) -> None:
    """Asking from a cursor when nothing happened gives that cursor back, not less."""
    cursor = [page async for page in bench.system.changes(None)][-1].cursor
    again = [page.cursor async for page in bench.system.changes(cursor)]
    assert again[-1] == cursor


async def test_a_page_is_asked_for_when_it_is_wanted(bench: Bench) -> None:
    """The second page is not requested before the first is dealt with."""
    before = bench.world.count(bench.listing)
    async for page in bench.system.changes(None):
        assert page.records
        break
    assert bench.world.count(bench.listing) <= before + 3
    assert bench.world.writes == 0


# Creating


async def test_a_created_record_carries_its_mark(bench: Bench) -> None:
    """The mark is in the record as read back, as listed and as found, and names the incident."""
    created = await bench.create()
    assert created.mark is not None
    assert (created.mark.origin, created.mark.uid) == (MARK.origin, MARK.uid)
    assert (await bench.records())[created.id].mark == created.mark
    assert await bench.system.find(MARK) == [created]
    assert await bench.system.find(OTHER) == []


async def test_words_read_back_equal_the_words_sent(bench: Bench) -> None:
    """What a service keeps as it is comes back as the same words."""
    created = await bench.create()
    said = bench.system.words(created)
    assert {path: said[path] for path in bench.words} == dict(bench.words)


async def test_words_are_of_the_paths_in_use(bench: Bench) -> None:
    """``words`` says something for each path that was asked for, and nothing else."""
    created = await bench.create()
    said = set(bench.system.words(created))
    assert set(bench.words) | set(bench.change) <= said
    assert bench.system.abilities.born.keys() <= said


async def test_a_fresh_record_says_what_is_declared(bench: Bench) -> None:
    """A path that a create cannot carry says its born word, unless the service moved it."""
    abilities = bench.system.abilities
    said = bench.system.words(await bench.create())
    for path, word in abilities.born.items():
        moved = abilities.moves.get(path, frozenset()) & bench.words.keys()
        assert said[path] == word or moved


async def test_a_create_writes_once(bench: Bench) -> None:
    """A create is one request that writes, whatever is read around it."""
    await bench.create()
    assert bench.world.writes == 1


async def test_an_echo_agrees_with_the_record(bench: Bench) -> None:
    """What the answer to a write shows is what is read back, when nobody is in between."""
    created = await bench.system.create(bench.words, MARK)
    updated = await bench.system.update(created.record, bench.change)
    for written in (created, updated):
        said = bench.system.words(written.record)
        assert all(said[path] == word for path, word in written.echo.items())


# Updating


async def test_an_update_changes_only_its_paths(bench: Bench) -> None:
    """Paths that are not given keep their words, except those that the service moves."""
    created = await bench.create()
    before = dict(bench.system.words(created))
    after = dict(bench.system.words((await bench.system.update(created, bench.change)).record))
    for path in bench.moved:
        before.pop(path, None)
        after.pop(path, None)
    assert after == before | dict(bench.change)
    assert bench.world.writes == 2


async def test_an_update_keeps_the_mark(bench: Bench) -> None:
    """A record is still found by its mark after it was written to."""
    created = await bench.create()
    updated = (await bench.system.update(created, bench.change)).record
    assert updated.mark == created.mark
    assert [one.id for one in await bench.system.find(MARK)] == [created.id]


async def test_a_record_of_a_persons_own_gets_no_mark(bench: Bench) -> None:
    """An update of a record that instep did not make leaves its reference alone."""
    record = await bench.system.read(bench.double.ids()[0])
    updated = (await bench.system.update(record, bench.change)).record
    assert (record.mark, updated.mark) == (None, None)


# Absence


async def test_an_unknown_id_is_gone(bench: Bench) -> None:
    """A read of an id that the service does not know says that there is no such record."""
    with pytest.raises(Gone):
        await bench.system.read(bench.unknown)


async def test_a_deleted_record_is_gone(bench: Bench) -> None:
    """A record that a person deleted is gone for reads and for updates, and not listed."""
    created = await bench.create()
    bench.double.delete(created.id)
    with pytest.raises(Gone):
        await bench.system.read(created.id)
    with pytest.raises(Gone):
        await bench.system.update(created, bench.change)
    assert created.id not in await bench.records()
    assert await bench.system.find(MARK) == []


# Trouble


@pytest.mark.parametrize("kind", ["drop-after", "500-after"])
async def test_a_create_without_an_answer_is_unclear_and_found(bench: Bench, kind: str) -> None:
    """The record exists although no answer said so: it is not repeated, and found by its mark."""
    need(bench, kind)
    bench.world.fault(bench.creating, kind)
    with pytest.raises(Unreachable) as caught:
        await bench.create()
    assert caught.value.unclear
    assert len(await bench.system.find(MARK)) == 1


@pytest.mark.parametrize("kind", ["500-before", "hang"])
async def test_a_create_that_failed_is_unclear_and_not_found(bench: Bench, kind: str) -> None:
    """From outside a failure looks the same whether the record was made or not."""
    need(bench, kind)
    bench.world.fault(bench.creating, kind)
    with pytest.raises(Unreachable) as caught:
        await bench.create()
    assert caught.value.unclear
    assert await bench.system.find(MARK) == []


@pytest.mark.parametrize(("kind", "error"), [("429", Unreachable), ("401", Denied)])
async def test_a_refused_create_had_no_effect(
    bench: Bench, kind: str, error: type[SideError]
) -> None:
    """Too many requests and refused credentials are certain: nothing was made."""
    need(bench, kind)
    bench.world.fault(bench.creating, kind)
    with pytest.raises(error) as caught:
        await bench.create()
    assert not caught.value.unclear
    assert await bench.system.find(MARK) == []


@pytest.mark.parametrize("kind", ["drop-after", "500-after"])
async def test_an_update_without_an_answer_is_unclear(bench: Bench, kind: str) -> None:
    """The change may be there: a read tells."""
    need(bench, kind)
    created = await bench.create()
    bench.world.fault(bench.updating, kind)
    with pytest.raises(Unreachable) as caught:
        await bench.system.update(created, bench.change)
    assert caught.value.unclear
    said = bench.system.words(await bench.system.read(created.id))
    assert {path: said[path] for path in bench.change} == dict(bench.change)


async def test_a_read_back_that_fails_leaves_the_write_unclear(bench: Bench) -> None:
    """The record was made; that it could not be read does not say that it was not."""
    need(bench, "401")
    bench.world.after(bench.creating, lambda: bench.world.fault("", "401"))
    with pytest.raises(SideError) as caught:
        await bench.create()
    assert caught.value.unclear
    assert len(await bench.system.find(MARK)) == 1


@pytest.mark.parametrize("kind", ["500-before", "429", "drop-after", "hang"])
async def test_a_read_is_asked_again(bench: Bench, kind: str) -> None:
    """A failure that may pass does not spoil a listing."""
    if not bench.repeats:
        pytest.skip("asks nobody")
    bench.world.retry_after = 0
    bench.world.fault(bench.listing, kind)
    assert len(await bench.records()) == INCIDENTS


@pytest.mark.parametrize(("kind", "error"), [("401", Denied), ("html", Unreachable)])
async def test_a_listing_that_fails_says_so(
    bench: Bench, kind: str, error: type[SideError]
) -> None:
    """Refused credentials and a page in place of JSON end a listing with an error."""
    need(bench, kind)
    bench.world.fault(bench.listing, kind)
    with pytest.raises(error) as caught:
        await bench.records()
    assert not caught.value.unclear
    assert bench.system.name in str(caught.value)


@pytest.mark.parametrize("kind", ["401", "429", "html", "500-before", "hang"])
async def test_errors_show_no_credentials(bench: Bench, kind: str) -> None:
    """Neither message nor advice of any failure holds the token."""
    need(bench, kind)
    bench.world.fault(bench.creating, kind)
    with pytest.raises(SideError) as caught:
        await bench.create()
    assert TOKEN not in f"{caught.value} {caught.value.advice} {caught.value!r}"


async def test_a_check_of_a_healthy_system_warns_of_nothing(bench: Bench) -> None:
    """Credentials, permissions and needed fields are all there."""
    assert await bench.system.check() == ()
    assert bench.world.writes == 0


async def test_abilities_are_frozen(bench: Bench) -> None:
    """What a system can do does not change while it is used."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        bench.system.abilities.filters_by_time = True  # type: ignore[misc]
