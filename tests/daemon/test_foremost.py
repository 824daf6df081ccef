"""Which of several errors decides what happens next."""

from __future__ import annotations

import pytest

from instep.daemon.foremost import foremost
from instep.errors import Denied, LedgerError

LEDGER, DENIED, BUG = LedgerError("full"), Denied("no"), KeyError("bug")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([LEDGER], LEDGER),
        ([DENIED], DENIED),
        ([DENIED, LEDGER], LEDGER),
        ([BUG, LEDGER], LEDGER),
        ([ExceptionGroup("inner", [LEDGER]), DENIED], LEDGER),
    ],
)
def test_the_ledger_comes_first(errors: list[Exception], expected: Exception) -> None:
    """Of errors that happened side by side the ledger's decides, however deep it lies."""
    assert foremost(ExceptionGroup("outer", errors)) is expected


def test_a_bug_does_not_hide_behind_an_expected_error() -> None:
    """A group with a bug in it is a bug as a whole; an error alone is itself."""
    group = ExceptionGroup("outer", [DENIED, BUG])
    assert foremost(group) is group
    assert foremost(BUG) is BUG
