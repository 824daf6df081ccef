"""``explain --mapping`` as people read it: for each field a small table, then the new records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from instep.cli.text import columns, word

HEAD = ("", "PATH", "WORD", "THROUGH")
#: Characters of a sentence.
WIDE = 100


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Show how one record is mapped."""
    if "error" in told:
        yield f"{told['system']} {told['record']}: {word(told['error'], WIDE)}"
        return
    yield f"{told['system']} {told['record']}  {told['url']}"
    if told["note"]:
        yield f"  {told['note']}"
    for name, field in told["fields"].items():
        yield from ("", f"{name} ({field['type']}): {word(field['value'])}")
        yield from columns([HEAD, *_rows(told["system"], field)])
    if told["unread"]:
        yield from ("", f"read by no rule: {', '.join(told['unread'])}")
    for system, create in told["creates"].items():
        yield from ("", f"a new record in {system}", *_create(create))
    for name, field in told["fields"].items():
        for system, put in field["systems"].items():
            if put["is_template"] and put["word"] is not None:
                yield from ("", f"the template of {name} in {system}", *_text(put["word"]))


def _rows(given: str, field: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Show how a field is read, and what each system is told of it."""
    if (read := field["read"]) is None:
        yield f"{given} reads", "-", "-", f"no rule of {given} is about it"
    else:
        raw, own = read["raw"], read["own"]
        is_same = own is None or word(own) == word(raw)
        said = word(raw) if is_same else f"{word(raw, 32)} -> {word(own, 32)}"
        yield f"{given} reads", read["path"], said, word(read["through"], WIDE)
    for system, put in field["systems"].items():
        through = f"not written: {put['why_not']}" if put["why_not"] else put["through"]
        yield f"{system} writes", put["path"], word(put["word"]), word(through, WIDE)


def _create(create: Mapping[str, Any]) -> Iterator[str]:
    """Show the conditions one by one, and what is sent if all hold."""
    yield from columns(
        [
            ("holds" if asked["holds"] else "fails", word(asked["asks"], WIDE))
            for asked in create["conditions"]
        ]
    )
    if create["held"]:
        yield f"  held: {word(create['held'], WIDE)}"
    yield from columns([("sends", path, word(said)) for path, said in create["sent"].items()])


def _text(said: str) -> Iterator[str]:
    """Show a text whole, line by line."""
    for line in said.split("\n"):
        yield f"  | {word(line, 1000) if line else ''}"
