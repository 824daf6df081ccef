"""Operations: what they are called, in this ledger and across ledgers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.model import Incident, Sent
from instep.core.operation import Held, Operation, Why, carried
from tests.core.make import incident, incidents, reference, says

ONE = Operation("update", "b", 7, {"f": Sent("p", "x", ("x",), "old")}, "because")
ROW = incident(says("a", "x"))

#: What differs in what is sent, or where to.
OTHERS = (
    replace(ONE, sent={"f": Sent("p", "x", ("y",))}),
    replace(ONE, sent={"f": Sent("q", "x", ("x",))}),
    replace(ONE, sent={"g": Sent("p", "x", ("x",))}),
    replace(ONE, system="c"),
    replace(ONE, kind="close"),
    replace(ONE, extra={"r": "1"}),
)


def test_a_checksum_names_what_is_sent() -> None:
    """Two operations have one checksum if they send the same words to the same place."""
    assert ONE.key == (7, "b", "update")
    assert ONE.checksum == replace(ONE, reason="other", record="B-1").checksum
    assert ONE.checksum == replace(ONE, sent={"f": Sent("p", "y", ("x",))}).checksum
    others = [*OTHERS, replace(ONE, incident=8)]
    assert len({ONE.checksum, *(other.checksum for other in others)}) == len(others) + 1


def test_an_identity_differs_with_what_is_sent() -> None:
    """Other words, another field, another place or another kind make another identity."""
    names = {ONE.identity(ROW), *(other.identity(ROW) for other in OTHERS)}
    assert len(names) == len(OTHERS) + 1


@given(incidents(), st.integers(1, 99), st.text(max_size=3), st.sampled_from(OTHERS))
def test_an_identity_is_the_same_across_ledgers(
    row: Incident, number: int, uid: str, operation: Operation
) -> None:
    """Another ledger that numbers its incidents otherwise calls the operation the same."""
    if row.side(row.origin).reference is None:
        return
    there = replace(row, id=number, uid=uid, version=row.version + 1)
    assert operation.identity(row) == replace(operation, incident=number).identity(there)


@pytest.mark.parametrize("other", [{"id": "a-2"}, {"birth": "later"}])
def test_an_identity_goes_by_the_first_record(other: dict[str, str]) -> None:
    """Where the incident began in another record, the same words are another operation."""
    first = replace(says("a", "x"), reference=replace(reference("a"), **other))
    assert ONE.identity(ROW) != ONE.identity(replace(ROW, sides={"a": first}))
    assert ONE.identity(ROW) != ONE.identity(replace(ROW, origin="b", sides={"b": first}))


def test_an_incident_without_its_first_record_goes_by_its_uid() -> None:
    """Where the first record was let go, nothing but the incident's own name is left."""
    row = Incident(7, "uid7", "a")
    assert ONE.identity(row) == ONE.identity(replace(row, id=8))
    assert ONE.identity(row) != ONE.identity(replace(row, uid="uid8"))


def test_an_unmarked_operation_is_not_announced() -> None:
    """Only an update that follows a create of the same run, not yet made, is announced."""
    one = replace(ONE, follows=True)
    assert one.announced
    assert not replace(one, record="B-1").announced
    assert not replace(one, follows=False).announced


@pytest.mark.parametrize("why", Why)
def test_what_flaps_is_held_beside_its_operation(why: Why) -> None:
    """What is held is known by its operation, but for fields that flap: the rest goes on."""
    kind = "flap" if why is Why.FLAP else "update"
    assert Held(ONE, why, "because").key == (7, "b", kind)


def test_what_is_put_on_the_wire() -> None:
    """A create sends its fields by path and the configured words, not what it cannot carry."""
    sent = {"f": Sent("p", "x", "own"), "g": Sent("q", "y", "born", carried=False)}
    assert carried(sent, {"r": "1"}) == {"p": "own", "r": "1"}
