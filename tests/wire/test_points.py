"""What records point at: addresses that people put where references are kept, and broken marks."""

from __future__ import annotations

from typing import Any

import pytest
import respx
import structlog
from hypothesis import given
from hypothesis import strategies as st

from instep.core.linking import address
from instep.core.model import Mark
from tests.wire import datadog, devrev, prodmanager
from tests.wire.helpers import MARK, sent

OTHER = Mark("devrev", "INC-9", "a0b1c2d3e4f5")
URL = "https://app.devrev.ai/acme/incidents/INC-12"
PLACE = "custom_fields.tnt__instep"
BROKEN = [
    "",
    " ",
    "\n",
    "\u00a0",
    "/",
    "#instep-",
    *(str(MARK)[:end] for end in (4, 8, -12, -1)),
    str(MARK)[8:],
    f"{MARK}0",
    f" {MARK}",
    f"{MARK}\n",
    f"datadog:IR 7/{MARK.uid}",
    f"datadog:IR-7/{MARK.uid.upper()}",
    f"{MARK} {OTHER}",
    f"{MARK},{OTHER}",
    f"{MARK}\n{OTHER}",
    *(devrev.REFERENCE[:end] for end in (-1, -12, -13, -19)),
    f"{devrev.REFERENCE}0",
    f"{devrev.REFERENCE} ",
    f"see {devrev.REFERENCE}",
    devrev.REFERENCE.replace(MARK.uid, MARK.uid.upper()),
    f"{devrev.REFERENCE},{devrev.REFERENCE}",
    f"{devrev.REFERENCE}#instep-{OTHER.uid}",
    "TICKET-1",
    "jira:browse/X-1",
    "https://jira.example.com/browse/X-1",
]


# An address


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (URL, URL),
        (f"{URL}/", URL),
        (f"{URL}#updates", URL),
        (f"{URL}/#", URL),
        (f" {URL}\n", URL),
        ("http://status.example.com:8080/incident/3", "http://status.example.com:8080/incident/3"),
        (f"{URL}?tab=1", f"{URL}?tab=1"),
        ("https://EXAMPLE.org/A", "https://EXAMPLE.org/A"),
        ("https://example.org", "https://example.org"),
        ("ftp://example.org/a", None),
        ("https://", None),
        ("https:///a", None),
        ("https://#a", None),
        ("app.devrev.ai/acme/incidents/INC-12", None),
        (f"see {URL}", None),
        (f"{URL} {URL}", None),
        (f"{URL}\0", None),
        (f"{URL}\u200b", None),
        ("TICKET-1", None),
        ("", None),
        (None, None),
        (7, None),
        ([URL], None),
    ],
)
def test_an_address_is_a_whole_text(value: Any, found: str | None) -> None:
    """Fragment, slash at the end and blanks around it do not count, and everything else does."""
    assert address(value) == found


@given(st.text() | st.from_regex(r"https?://[\w.]+[/#?\w ]*", fullmatch=True))
def test_an_address_is_its_own_address(value: str) -> None:
    """What was made comparable once is not changed again."""
    found = address(value)
    assert found is None or address(found) == found


# What each service shows


def in_devrev(field: str | None = None, **metadata: Any) -> dict[str, Any]:
    """Spell a DevRev incident with these references; ``field`` stands in the custom field."""
    fields = {"tnt__instep": field}
    return devrev.INCIDENT | {"sync_metadata": metadata, "custom_fields": fields}


def in_datadog(*values: Any) -> dict[str, Any]:
    """Spell a Datadog incident with these references."""
    return datadog.incident(
        fields={"external_reference": {"type": "textarray", "value": list(values)}}
    )


def in_prodmanager(reference: Any, link: Any) -> dict[str, Any]:
    """Spell a ProdManager incident with these references."""
    return prodmanager.incident(external_reference=reference, external_link=link)


@pytest.mark.parametrize(
    ("reference", "link", "points"),
    [
        (None, None, ()),
        ("", " ", ()),
        ("TICKET-1", f"{URL}/", (URL,)),
        (f"{URL}#now", None, (URL,)),
        (URL, f"{URL}/", (URL,)),
        ("https://b.org", "http://a.org", ("http://a.org", "https://b.org")),
        (str(MARK), URL, ()),
        ("slack://channel/x", f"{prodmanager.URL}/incident/3/", ()),
    ],
)
async def test_where_prodmanager_points(
    router: respx.MockRouter, reference: Any, link: Any, points: tuple[str, ...]
) -> None:
    """Reference and link count, unless the mark is there: its link came with it."""
    system = prodmanager.made(router)
    read = await prodmanager.read(system, router, in_prodmanager(reference, link))
    assert read.points == points


async def test_prodmanagers_own_links_are_not_pointed_at(router: respx.MockRouter) -> None:
    """What the service itself calls links leads to the incident and its places."""
    links = {"self": f"{prodmanager.API}/incident/3", "scope": f"{prodmanager.API}/scope/1"}
    raw = in_prodmanager(None, None) | {"links": links}
    assert (await prodmanager.read(prodmanager.made(router), router, raw)).points == ()


@pytest.mark.parametrize(
    ("raw", "points"),
    [
        (in_devrev(), ()),
        (in_devrev(external_reference=f"{MARK.url}#top"), (MARK.url,)),
        (in_devrev(external_reference="https://app.devrev.ai/incidents/INC-12"), ()),
        (in_devrev(external_reference="X-1"), ()),
        (in_devrev(external_reference=devrev.REFERENCE, origin_system="datadog"), ()),
        (in_devrev(external_reference=devrev.REFERENCE[:-4]), ()),
        (in_devrev(f"{devrev.REFERENCE}@datadog"), ()),
        (in_devrev(f"{devrev.REFERENCE}@datadog", external_reference=URL), (URL,)),
        (in_devrev(MARK.url, external_reference=URL), (MARK.url, URL)),
    ],
)
async def test_where_devrev_points(
    router: respx.MockRouter, raw: dict[str, Any], points: tuple[str, ...]
) -> None:
    """Sync metadata and the reference field count, where they hold no mark and no rest of one."""
    system = devrev.made(router, ["title"], reference=PLACE)
    assert (await devrev.read(system, router, raw)).points == points


async def test_a_custom_field_points_only_as_a_reference(router: respx.MockRouter) -> None:
    """An address in any other field of the organisation is no reference."""
    assert (await devrev.read(devrev.made(router), router, in_devrev(MARK.url))).points == ()


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ([], ()),
        ([None, 7, {}, "", "TICKET-1"], ()),
        ([str(MARK)], ()),
        ([str(MARK), f"{URL}/", URL], (URL,)),
        (["https://b.org/", "http://a.org"], ("http://a.org", "https://b.org")),
        (["https://app.datadoghq.eu/incidents/336599"], ()),
    ],
)
async def test_where_datadog_points(
    router: respx.MockRouter, values: list[Any], points: tuple[str, ...]
) -> None:
    """Each address in the reference field counts, beside a mark too; its own does not."""
    assert (await datadog.read(datadog.made(router), router, in_datadog(*values))).points == points


async def test_datadog_points_from_its_reference_field_only(router: respx.MockRouter) -> None:
    """Addresses in the title, in the summary or in another field are text."""
    other = {"type": "textarray", "value": [URL]}
    raw = datadog.incident(title=URL, fields={"links": other, "summary": {"value": URL}})
    assert (await datadog.read(datadog.made(router), router, raw)).points == ()


# Marks that are none


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_broken_mark_is_nobodys(router: respx.MockRouter, broken: str) -> None:
    """Blank, cut, changed, doubled and foreign references match nothing, in any place."""
    read = [
        await datadog.read(datadog.made(router), router, in_datadog(broken)),
        await prodmanager.read(prodmanager.made(router), router, in_prodmanager(broken, URL)),
    ]
    # What instep has synced is not taken for another synchroniser's, whatever became of its mark.
    when = {"sync_date": "2026-02-03T09:15:01Z"}
    for raw in (
        in_devrev(external_reference=broken, origin_system="datadog", last_sync_in=when),
        in_devrev(f"{broken}@datadog"),
    ):
        system = devrev.made(router, ["title"], reference=PLACE)
        read.append(await devrev.read(system, router, raw))
    assert [one.mark for one in read] == [None] * 4


@pytest.mark.parametrize("origin", ["@", "@ ", "@two words", ""])
async def test_a_mark_in_a_custom_field_names_its_origin(
    router: respx.MockRouter, origin: str
) -> None:
    """No other place says where it began, and it could not be found again without that."""
    system = devrev.made(router, ["title"], reference=PLACE)
    read = await devrev.read(system, router, in_devrev(f"{devrev.REFERENCE}{origin}"))
    assert (read.mark, read.points) == (None, ())


@pytest.mark.parametrize("origin", [None, "", " "])
async def test_a_mark_in_sync_metadata_may_have_lost_its_origin(
    router: respx.MockRouter, origin: str | None
) -> None:
    """The uid alone tells the incident: taken for none, it would be made a second time."""
    raw = in_devrev(external_reference=devrev.REFERENCE, origin_system=origin)
    read = await devrev.read(devrev.made(router), router, raw)
    assert read.mark == Mark("", "", MARK.uid, MARK.url)


async def test_a_mark_without_origin_is_kept_as_it_is(router: respx.MockRouter) -> None:
    """An update carries the reference along, and says nothing of an origin that is not known."""
    system = devrev.made(router, ["title"])
    raw = in_devrev(external_reference=devrev.REFERENCE)
    seen = await devrev.read(system, router, raw)
    route = devrev.answer_writes(router, raw)
    await system.update(seen, {"title": "T"})
    assert sent(route)["sync_metadata"].keys() == {"external_reference", "last_sync_in"}


async def test_a_mark_of_an_unknown_beginning_is_a_mark(router: respx.MockRouter) -> None:
    """Such are written where the record of origin was never met: they have to be found again."""
    spelled = str(Mark("datadog", "", MARK.uid))
    kept = {"external_reference": f"#instep-{MARK.uid}", "origin_system": "datadog"}
    read = [
        await datadog.read(datadog.made(router), router, in_datadog(spelled)),
        await prodmanager.read(prodmanager.made(router), router, in_prodmanager(spelled, None)),
        await devrev.read(devrev.made(router), router, in_devrev(**kept)),
    ]
    assert [one.mark for one in read] == [Mark("datadog", "", MARK.uid)] * 3


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        ([str(MARK), str(OTHER)], None),
        ([str(OTHER), "TICKET-1", str(MARK)], None),
        ([str(MARK), str(MARK)], MARK),
        ([str(MARK), f"datadog:IR-9/{MARK.uid}"], MARK),
        ([str(MARK), str(OTHER)[:-1]], MARK),
    ],
)
async def test_marks_of_two_incidents_are_nobodys(
    router: respx.MockRouter, values: list[str], mark: Mark | None
) -> None:
    """Which of the two is meant is not guessed, and it is told, once; one mark twice is one."""
    system = datadog.made(router)
    with structlog.testing.capture_logs() as events:
        for _ in range(2):
            read = await datadog.read(system, router, in_datadog(*values))
    spelled = None if read.mark is None else str(read.mark)
    assert spelled == (None if mark is None else str(mark))
    told = [event for event in events if event["event"] == "mark.ambiguous"]
    assert told == [
        {
            "event": "mark.ambiguous",
            "log_level": "warning",
            "system": "datadog",
            "record": "336599",
        }
    ] * (mark is None)


async def test_marks_of_two_incidents_are_not_found(router: respx.MockRouter) -> None:
    """A look-up of either mark leaves the incident out."""
    system = datadog.made(router)
    for mark in (MARK, OTHER):
        datadog.answer_list(router, [in_datadog(str(MARK), str(OTHER))], [])
        assert await system.find(mark) == []


async def test_marks_of_two_incidents_are_neither_words_nor_lost(router: respx.MockRouter) -> None:
    """Mapped, the field says people's references; written, both marks stay for a person to see."""
    _, patch = datadog.answer_writes(router)
    system = datadog.made(router, ["title", "fields.external_reference"])
    seen = await datadog.read(system, router, in_datadog(str(MARK), "None", str(OTHER)))
    assert system.words(seen)["fields.external_reference"] == ("None",)
    await system.update(seen, {"fields.external_reference": ("TICKET-2",)})
    fields = sent(patch)["data"]["attributes"]["fields"]
    assert fields["external_reference"]["value"] == ["TICKET-2", str(MARK), str(OTHER)]
