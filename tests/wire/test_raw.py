"""Reading raw objects: nothing that a service sends is a reason to stop."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.core.model import Mark
from instep.errors import Denied, Gone, SideError, Unreachable
from instep.systems import raw
from instep.systems.datadog.words import getter as datadog_getter
from instep.systems.datadog.words import mark_of as datadog_mark
from instep.systems.devrev.words import getter as devrev_getter
from instep.systems.devrev.words import mark_of as devrev_mark

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAME = st.from_regex(r"[\w.-]{1,12}", fullmatch=True)
DISPLAY = st.from_regex(r"(?!//)[^\s]{0,12}", fullmatch=True)
UID = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)


@given(NAME, DISPLAY, UID)
def test_a_mark_reads_as_it_was_spelled(origin: str, display: str, uid: str) -> None:
    """Whatever a display holds, the mark comes back whole."""
    mark = Mark(origin, display, uid)
    assert raw.parse_mark(str(mark)) == mark


@pytest.mark.parametrize(
    "value",
    [
        "https://jira.example.com/browse/X-1",
        "TICKET-1",
        "a:b",
        "a/b",
        "",
        None,
        7,
        "see datadog:IR-1/uid",
        "datadog:IR-1/",
        "github:acme/checkout",
        "github:acme/deadbeefcaf",
    ],
)
def test_what_is_no_mark(value: Any) -> None:
    """URLs and references of a user's own are left alone."""
    assert raw.parse_mark(value) is None


@given(JSON)
def test_any_value_is_made_plain(value: Any) -> None:
    """A custom place may hold anything; its word is plain data."""
    word = raw.plain(value)
    assert word is None or isinstance(word, str | int | float | bool | tuple)
    assert word not in ("", ())


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_equal_content_has_one_digest(value: dict[str, Any]) -> None:
    """The order of keys does not count; a round over the wire changes nothing."""
    turned = dict(reversed(value.items()))
    assert raw.digest(turned) == raw.digest(orjson.loads(orjson.dumps(value)))


DEVREV = {
    "severity", "stage", "owned_by", "applies_to_parts", "tags", "custom_fields",
    "sync_metadata", "title", "identified_date",
}  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(DEVREV, JSON)))
def test_any_devrev_incident_can_be_read(value: dict[str, Any]) -> None:
    """Shapes that were never documented give None, not an error."""
    for path in DEVREV - {"custom_fields", "sync_metadata"} | {"custom_fields.tnt__x"}:
        get = devrev_getter(path)
        assert get is not None
        get(value)
    devrev_mark(value)


@given(
    st.fixed_dictionaries(
        {}, optional={"attributes": JSON | st.fixed_dictionaries({"fields": JSON})}
    )
)
def test_any_datadog_incident_can_be_read(value: dict[str, Any]) -> None:
    """Shapes that were never documented give None, not an error."""
    for path in ("title", "fields.severity", "resolved"):
        get = datadog_getter(path)
        assert get is not None
        get(value)
    datadog_mark(value, "external_reference")


@pytest.mark.parametrize("error", [Denied("d"), Unreachable("u"), Gone("g")])
def test_a_failure_to_read_back_is_unclear(error: Exception) -> None:
    """The write was done, whatever became of the read behind it."""
    with pytest.raises(SideError) as caught, raw.reading_back("svc"):
        raise error
    assert caught.value.unclear
