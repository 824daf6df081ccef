"""Plan files: a plan that somebody has looked at, to be done as it is or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.cli.text import word
from instep.errors import UsageError, WorldMoved

if TYPE_CHECKING:
    from instep.cli.planned import Planned
    from instep.core.unit import Unit

Entry = Mapping[str, Any]
Key = tuple[str, ...]

#: The key by which a plan file is known, and the newest format that this instep reads.
MAGIC, FORMAT = "instep_plan", 1
#: The lists that make up a plan, and what each of their entries says.
LISTS = {
    "operations": {"op", "system", "of", "record", "fields", "reason"},
    "held": {"op", "system", "of", "record", "fields", "reason", "why"},
    "conflicts": {"of", "field", "waits", "takes", "values"},
}
#: How many moves are told by name.
TOLD = 20


def write(path: Path, found: Planned) -> None:
    """Keep a plan in a file that only its owner can read; all of it or nothing is there.

    Raises:
        UsageError: the file cannot be written, or is there and is no plan.
    """
    free(path)
    text = json.dumps(content(found), indent=1, ensure_ascii=False, default=dict) + "\n"
    try:
        handle, passing = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(passing).replace(path)
    except OSError as error:
        with suppress(OSError):
            Path(passing).unlink()
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def content(found: Planned) -> dict[str, Any]:
    """Give what a plan file holds: nothing in it changes while the world does not."""
    head = {MAGIC: FORMAT, "configuration": _digest(found.unit), "heard": found.heard}
    return {**head, **found.data()}


def _digest(unit: Unit) -> str:
    """Name the configuration that a plan is made with."""
    return f"{unit.rules:x}"


def free(path: Path) -> None:
    """Make sure that a plan may be written to a file.

    Raises:
        UsageError: there is something else; nothing is overwritten.
    """
    if path.exists() or path.is_symlink():
        try:
            _parsed(path)
        except UsageError as error:
            raise UsageError(error.message, advice="name another; it was not overwritten") from None


def read(path: Path, unit: Unit) -> dict[str, Any]:
    """Read a plan that was made with the configuration of ``unit``.

    Raises:
        UsageError: it cannot be read, is no plan, of a newer instep or another configuration.
    """
    plan = _parsed(path)
    again = f"make a new one: instep plan --out {path}"
    if plan[MAGIC] != FORMAT:
        raise UsageError(f"{path} is a plan of another format ({plan[MAGIC]})", advice=again)
    if plan.get("configuration") != _digest(unit):
        raise UsageError(f"{path} was planned with another configuration", advice=again)
    if not _whole(plan):
        raise UsageError(f"{path} is no whole plan", advice=again)
    return plan


def _whole(plan: Entry) -> bool:
    """Whether every list is there, and every entry says what it has to."""
    return (
        _texts(plan.get("heard"))
        and all(_entries(plan.get(name), keys) for name, keys in LISTS.items())
        and all(
            isinstance(op["fields"], dict) and _entries([*op["fields"].values()], {"from", "to"})
            for op in (*plan["operations"], *plan["held"])
        )
        and all(
            _entries(each["values"], {"value", "origins"})
            and all(_texts(said["origins"]) for said in each["values"])
            for each in plan["conflicts"]
        )
    )


def _texts(found: object) -> bool:
    """Whether this is a list of texts."""
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _entries(found: object, keys: set[str]) -> bool:
    """Whether this is a list of entries that have these keys at least."""
    return isinstance(found, list) and all(
        isinstance(each, dict) and each.keys() >= keys for each in found
    )


def _parsed(path: Path) -> dict[str, Any]:
    """Read a plan file of whatever format."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError):
        # No JSON, or nested more deeply than any plan is.
        plan = None
    if not isinstance(plan, dict) or not isinstance(plan.get(MAGIC), int):
        raise UsageError(f"{path} is no plan of instep")
    return plan


def same(plan: Entry, found: Planned, path: Path) -> None:
    """Make sure that a plan is still what a cycle would do.

    The numbers that the ledger gives are no part of the world.

    Raises:
        WorldMoved: it is not; the message says what moved, from what to what, and by whom.
    """
    now = json.loads(json.dumps(found.data(), default=dict))
    moves = _unheard(plan, found)
    for name in LISTS:
        before, after = (_keyed(each[name], name) for each in (plan, now))
        for key in dict.fromkeys([*before, *after]):
            if _canonical(before.get(key)) != _canonical(after.get(key)):
                moves += _moved(name, before.get(key), after.get(key), found)
    if not moves and plan.get("checksum") != now["checksum"]:
        # Words that read the same, or another record under the same id.
        moves = ["the same values would be written in other words, or to other records"]
    if moves:
        rest = [f"and {len(moves) - TOLD} more"] if len(moves) > TOLD else []
        raise WorldMoved(
            "\n  ".join([f"the world moved since {path} was planned", *moves[:TOLD], *rest]),
            advice=f"nothing was written; look again: instep plan --out {path}",
        )


def _unheard(plan: Entry, found: Planned) -> list[str]:
    """Say which systems that the plan rests on could not be heard now, and why."""
    late = found.away
    return [
        f"{name} was heard for the plan: now {late[name]}" for name in plan["heard"] if name in late
    ]


def _keyed(entries: Iterable[Entry], name: str) -> dict[Key, Entry]:
    """Name the entries of a list so that they can be found in another plan."""
    parts = ("of", "field") if name == "conflicts" else ("of", "system", "op", "why")
    return {tuple(str(each.get(part, "")) for part in parts): each for each in entries}


def _canonical(entry: Entry | None) -> str:
    """Spell an entry the same way every time, without the number that the ledger gave."""
    if entry is None:
        return ""
    return json.dumps({k: v for k, v in entry.items() if k != "incident"}, sort_keys=True)


def _moved(name: str, before: Entry | None, now: Entry | None, found: Planned) -> Iterator[str]:
    """Say how one entry of a list differs."""
    either: Entry = now or before or {}
    if name == "conflicts":
        head = f"{either['of']} {either['field']}: "
        yield f"{head}planned {_conflict(before)}, now {_conflict(now)}"
        return
    record = f" {either['record']}" if either["record"] else ""
    head = f"{either['op']} {either['system']}{record} (of {either['of']})"
    fields = [_fields(each) for each in (before, now)]
    differ = [f for f in {**fields[0], **fields[1]} if fields[0].get(f) != fields[1].get(f)]
    if either["op"] == "create" and not (before and now):
        # All of a new record is new: that there is one, or none, says it.
        differ = []
    for field in differ:
        planned, is_now = (_change(each.get(field)) for each in fields)
        yield f"{head} {field}: planned {planned}, now {is_now}{_by(now, field, found)}"
    if not differ or name == "held":
        yield f"{head}: planned {_why(name, before)}, now {_why(name, now)}"


def _fields(entry: Entry | None) -> Mapping[str, Entry]:
    """Give what an operation changes."""
    found: Mapping[str, Entry] = entry["fields"] if entry else {}
    return found


def _change(change: Entry | None) -> str:
    """Say what one field was to become, or that nothing was to be done."""
    if change is None:
        return "nothing"
    return f"{_word(change['from'])} -> {_word(change['to'])}"


def _conflict(entry: Entry | None) -> str:
    """Say how a conflict stands."""
    if entry is None:
        return "no conflict"
    said = "; ".join(f"{' and '.join(v['origins'])}: {_word(v['value'])}" for v in entry["values"])
    stands = "waits" if entry["waits"] else f"takes {_word(entry['takes'])}"
    return f"{stands} ({said})"


def _why(name: str, entry: Entry | None) -> str:
    """Say what was to be done with an operation, and why."""
    if entry is None:
        return "nothing"
    return f"{'held' if name == 'held' else 'to be done'} ({entry['reason']})"


def _by(entry: Entry | None, field: str, found: Planned) -> str:
    """Say who said what a field is to become now, and when; empty if nobody did."""
    from instep.cli.planned import began

    if entry is None:
        return ""
    number = next((n for n, row in found.rows.items() if began(row) == entry["of"]), None)
    said = None if number is None else found.said(number, field)
    return f"; {' and '.join(said.origins)} said so at {said.at}" if said and said.origins else ""


def _word(value: Any) -> str:
    """Show a value as JSON has it."""
    return word(tuple(value) if isinstance(value, list) else value)
