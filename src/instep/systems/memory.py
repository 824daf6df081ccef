"""A system held in memory: the plainest one that keeps the contract, for tests and for reading.

It can be as awkward as a real service: it rewrites what it is sent, forgets what a record cannot
hold, lists only what changed, lags, loses replies and goes away.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from instep.core.abilities import Abilities
from instep.core.fields import stamp
from instep.core.model import Mark, Record, Word, Words, Written
from instep.errors import Gone, Rejected, Unreachable
from instep.systems.base import Comment, Offer, Page

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Held:
    """One record as the memory holds it; ``modified`` is in seconds of its clock.

    ``points`` are addresses of other records that a person has put into it.
    """

    id: str
    birth: str
    words: Mapping[str, Word]
    mark: Mark | None
    modified: float
    points: tuple[str, ...] = ()


@dataclass(slots=True)
class Faults:
    """What goes wrong next: ``down`` refuses everything, the others strike once each.

    ``hide`` leaves the first record out of the next listing, which is called whole all the same.

    ``before_read`` and ``after_write`` are what a person does in just that moment; they are told
    the record and the words just written.
    """

    down: bool = False
    lose_reply: bool = False
    refuse: bool = False
    hide: bool = False
    before_read: Callable[[str, Words], None] | None = None
    after_write: Callable[[str, Words], None] | None = None


@dataclass
class Memory:
    """A system in memory.

    ``rewrite`` spells a word as the system keeps it, by path and word. ``page`` is the size of a
    page. Listings are behind by ``list_lag`` of the abilities: they show records as they were.
    ``choices`` are the words that can stand at a path, where only some can.
    """

    name: str
    now: Clock
    paths: Collection[str]
    abilities: Abilities = field(default_factory=Abilities)
    rewrite: Callable[[str, Word], Word] = lambda _, word: word
    page: int = 100
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    records: dict[str, Held] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    said: dict[str, dict[str, Comment]] = field(default_factory=dict)
    requests: int = 0
    writes: int = 0
    _past: list[Held] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # ---- what a person does there

    def add(self, **words: Word) -> str:
        """Make a record as a person would; answers its id."""
        return self._make(words, None).id

    def edit(self, record_id: str, **words: Word) -> None:
        """Edit a record as a person would."""
        self._change(record_id, words)

    def remove(self, record_id: str) -> None:
        """Delete a record as a person would."""
        del self.records[record_id]

    def point(self, record_id: str, *addresses: str) -> None:
        """Put the addresses of other records into a record, as a person would."""
        held = replace(self._held(record_id), points=addresses, modified=self.now())
        self.records[record_id] = held

    # ---- the contract

    async def check(self) -> tuple[str, ...]:
        """Say whether the system answers."""
        self._called()
        return ()

    async def offers(self, wanted: Mapping[str, Collection[str]]) -> Mapping[str, Offer]:
        """Offer the paths in use, and the choices of each."""
        self._called()
        return {path: self._offer(path, words) for path, words in wanted.items()}

    async def prepare(self) -> tuple[str, ...]:
        """Need nothing."""
        return ()

    async def changes(self, since: str | None, watch: Collection[str] = ()) -> AsyncIterator[Page]:
        """List records by time of change, from the cursor on, inclusive.

        One that only ``hints`` shows what is watched, and what was made since.
        """
        self._called()
        start = since if self.abilities.filters_by_time and since else ""
        shown = sorted(self._listed(), key=lambda held: (held.modified, held.id))
        shown = [held for held in shown if _time(held.modified) >= start]
        if self.abilities.hints and since:
            start = since
            shown = [h for h in shown if h.id in watch or _time(_born(h)) >= since]
        if self.faults.hide:
            self.faults.hide, shown = False, shown[1:]
        cursor = start
        for at in range(0, max(len(shown), 1), self.page):
            if at:
                self._called()
            part = shown[at : at + self.page]
            cursor = max([cursor, *(_time(held.modified) for held in part)])
            done = at + self.page >= len(shown) and not start and not self.abilities.list_lag
            records = tuple(self._record(held) for held in part)
            yield Page(records, cursor if self.abilities.filters_by_time else None, complete=done)

    async def census(self) -> Mapping[str, int] | None:
        """Count the records by the word at the path of the abilities."""
        self._called()
        path = self.abilities.census
        return Counter(str(held.words.get(path) or "") for held in self._listed())

    def words(self, record: Record) -> Words:
        """Give the words of a record's paths."""
        raw: Mapping[str, Word] = record.raw
        return {path: raw.get(path) for path in self.paths}

    async def read(self, record_id: str) -> Record:
        """Read one record."""
        self._called()
        if self.faults.before_read is not None:
            strike, self.faults.before_read = self.faults.before_read, None
            strike(record_id, {})
        return self._record(self._held(record_id))

    async def find(self, mark: Mark) -> list[Record]:
        """Find the records that carry a mark, once they are visible to look-ups."""
        self._called()
        visible = self.now() - self.abilities.find_lag
        return [
            self._record(held)
            for held in self.records.values()
            if held.mark is not None and held.mark.uid == mark.uid and _born(held) <= visible
        ]

    async def create(self, words: Words, mark: Mark) -> Written:
        """Make a record that carries the mark."""
        self._writing()
        carried = {p: w for p, w in words.items() if p not in self.abilities.born}
        held = self._make({**carried, **self.abilities.born}, mark)
        self._replying(held.id, carried)
        return Written(self._record(self._held(held.id)), held.words)

    async def update(self, seen: Record, words: Words) -> Written:
        """Change the given paths of a record."""
        self._writing()
        held = self._change(seen.id, words)
        echo = {path: held.words.get(path) for path in words}
        self._replying(seen.id, words)
        return Written(self._record(self._held(seen.id)), echo)

    async def delete(self, record_id: str) -> None:
        """Delete a record."""
        self._writing()
        del self.records[self._held(record_id).id]
        self._replying(record_id, {})

    async def link(self, record_id: str, links: Mapping[str, str]) -> None:
        """Keep links beside a record."""
        self._called()
        self.links.setdefault(self._held(record_id).id, {}).update(links)

    async def comments(self, record_id: str) -> list[Comment]:
        """List what was said."""
        self._called()
        return list(self.said.get(self._held(record_id).id, {}).values())

    async def say(self, record_id: str, text: str, key: str) -> None:
        """Add a comment, once a key."""
        self._writing()
        said = self.said.setdefault(self._held(record_id).id, {})
        said.setdefault(key, Comment(f"{record_id}/{key}", text, _time(self.now()), key=key))

    async def close(self) -> None:
        """Nothing to give back."""

    # ---- inside

    def _offer(self, path: str, words: Collection[str]) -> Offer:
        """Offer what there is at one path."""
        if path in self.choices:
            return Offer.listing(self.choices[path], words)
        return Offer(there=path in self.paths)

    def _listed(self) -> list[Held]:
        """Give every record as a listing shows it: as it was ``list_lag`` seconds ago."""
        visible = self.now() - self.abilities.list_lag
        then: dict[str, Held] = {}
        for held in [*self._past, *self.records.values()]:
            if held.modified <= visible and held.id in self.records:
                then[held.id] = held
        self._past = [h for h in self._past if h.modified > visible or then.get(h.id) is h]
        return list(then.values())

    def _called(self) -> None:
        """Count a request, or refuse it."""
        if self.faults.down:
            raise Unreachable(f"{self.name} is away", system=self.name)
        self.requests += 1

    def _writing(self) -> None:
        """Count a request that writes, or refuse it."""
        self._called()
        if self.faults.refuse:
            self.faults.refuse = False
            raise Rejected(f"{self.name} does not like it", system=self.name)

    def _replying(self, record_id: str, words: Words) -> None:
        """Count a write that took effect, and lose its reply if that is to go wrong."""
        self.writes += 1
        if self.faults.after_write is not None:
            strike, self.faults.after_write = self.faults.after_write, None
            strike(record_id, words)
        if self.faults.lose_reply:
            self.faults.lose_reply = False
            raise Unreachable(f"{self.name} gave no answer", system=self.name, unclear=True)

    def _held(self, record_id: str) -> Held:
        """Give what is held under an id."""
        if record_id not in self.records:
            raise Gone(f"{self.name} has no {record_id}", system=self.name, record=record_id)
        return self.records[record_id]

    def _make(self, words: Words, mark: Mark | None) -> Held:
        """Hold a new record."""
        number, birth = next(self._numbers), f"{self.now():.6f}"
        held = Held(f"{self.name}-{number}", birth, {}, mark, self.now())
        self.records[held.id] = held
        return self._change(held.id, words)

    def _change(self, record_id: str, words: Words) -> Held:
        """Change words, spelled as the system keeps them, and drop what the state cannot hold."""
        held = self._held(record_id)
        spelled = {path: self.rewrite(path, word) for path, word in words.items()}
        kept = {**held.words, **spelled}
        for path, needs in self.abilities.only_while.items():
            if kept.get(needs.path) not in needs.words:
                kept[path] = None
        kept = {path: word for path, word in kept.items() if word is not None}
        if self.abilities.list_lag:
            self._past.append(held)
        self.records[record_id] = replace(held, words=kept, modified=self.now())
        return self.records[record_id]

    def _record(self, held: Held) -> Record:
        """Show what is held."""
        shown = [held.id, held.birth, dict(held.words), str(held.mark), held.points]
        text = json.dumps(shown, default=list)
        return Record(
            id=held.id,
            birth=held.birth,
            digest=hashlib.blake2b(text.encode(), digest_size=16).hexdigest(),
            raw=held.words,
            display=held.id,
            url=f"memory://{self.name}/{held.id}",
            opened=_time(_born(held)),
            modified=_time(held.modified),
            mark=held.mark,
            points=held.points,
        )


def _born(held: Held) -> float:
    """Give when a record was made."""
    return float(held.birth)


def _time(seconds: float) -> str:
    """Spell a time of the memory's clock."""
    return stamp(datetime.fromtimestamp(seconds, UTC))
