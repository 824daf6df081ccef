"""The common words that a field can have, as far as preset and file say."""

from __future__ import annotations

from instep.config.drafts import Draft
from instep.core.fields import Kind, normal
from instep.core.model import Word


def common_words(draft: Draft) -> tuple[str, ...]:
    """Name the values of a choice; empty if it can have any."""
    if draft.order or draft.kind is not Kind.CHOICE:
        return draft.order
    tables = [rule.words for rule in draft.rules.values()]
    known = [table for table in tables if table is not None]
    if len(known) < len(tables):
        return ()
    words = (word for table in known for means in table.values() for word in means)
    return tuple(dict.fromkeys(words))


def fits(draft: Draft, word: Word) -> bool:
    """Whether the field can ever have the value."""
    valid = common_words(draft)
    if valid:
        return word in valid
    try:
        return draft.kind is None or normal(draft.kind, word) is not None
    except ValueError:
        return False
