"""What a system can do, declared rather than found out by failing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from instep.core.model import Word, Words


@dataclass(frozen=True, slots=True)
class While:
    """A path that a record can hold only while another path says one of ``words``."""

    path: str
    words: frozenset[Word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a system can do, declared rather than found out by failing.

    Attributes:
        filters_by_time: ``changes(since)`` lists all that changed since.
        hints: ``changes(since)`` shows the records that are watched, and what is new or reopened;
            the rest waits for a whole listing. With neither, every listing is whole.
        census: the path by whose words ``census`` counts; empty if the service cannot count.
        links: records can show people where the other records of their incident are.
        comments: comments can be read and written.
        list_lag: seconds by which a listing may lag behind a write.
        find_lag: seconds by which ``find`` may lag behind a create.
        deadline: seconds after which a request is given up, at most.
        born: path -> word of a fresh record, for each path that a create cannot carry.
        only_while: paths that exist only in some states of the record.
        moves: path -> the paths whose write makes the service set it by itself.
        keeps: paths that the service cannot empty.
        read_only: paths that cannot be written at all.
        create_only: paths that a create can carry, and no update.
        stamps: paths that the service sets by itself when a record is made.
        notifies: paths whose change may mail or page people outside, as every create may.
        required: paths without which a create is refused.
    """

    filters_by_time: bool = False
    hints: bool = False
    census: str = ""
    links: bool = False
    comments: bool = False
    list_lag: float = 0.0
    find_lag: float = 0.0
    deadline: float = 30.0
    born: Words = field(default_factory=dict)
    only_while: Mapping[str, While] = field(default_factory=dict)
    moves: Mapping[str, frozenset[str]] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()
    stamps: frozenset[str] = frozenset()
    notifies: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
