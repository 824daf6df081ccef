"""What ProdManager's double takes, refuses and answers."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.prodmanager.text import SERVER_ERROR, normal
from tests.simulator.prodmanager import FORM, PATH, PHASE_DATES, listed, make, read, save

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from instep.simulator.world import World
    from tests.simulator.conftest import Clock, Connect

aio = pytest.mark.asyncio


@pytest.fixture
def double(world: World) -> ProdManagerSimulator:
    """Answer a ProdManager without incidents."""
    return ProdManagerSimulator(world, incidents=0)


@pytest.fixture
async def client(
    double: ProdManagerSimulator, connect: Connect
) -> AsyncIterator[httpx.AsyncClient]:
    """Answer a client of it, which follows no redirects."""
    async with connect(double) as made:
        yield made


@aio
async def test_without_the_prefix_it_is_a_web_page(client: httpx.AsyncClient) -> None:
    """A client that forgets `/api` gets 200 and HTML on reads, 400 and HTML on writes."""
    page, form = await client.get("/incident"), await client.post("/incident/create", data=FORM)
    assert (page.status_code, form.status_code) == (200, 400)
    assert page.headers["content-type"].startswith("text/html")


@aio
async def test_routes_and_methods(client: httpx.AsyncClient) -> None:
    """Wrong methods are HTML, wrong paths a bare string, and only a missing row an object."""
    refused = [await client.request(method, f"{PATH}/1") for method in ("PUT", "PATCH", "DELETE")]
    for reply in (*refused, await client.post(PATH), await client.get(f"{PATH}/1/update")):
        assert reply.status_code == 405
        assert reply.headers["content-type"].startswith("text/html")
    for path in ("/api/incident/", "/api/incident/abc", "/api/incident/-1", "/api/Incident"):
        reply = await client.get(path)
        assert reply.status_code == 404
        assert isinstance(reply.json(), str)
    reasons = (await client.get(f"{PATH}/999")).json()["reasons"]
    assert reasons == {"incident": ["Resource not found : 999"]}
    assert (await client.get(f"{PATH}/99999999999999999999")).status_code == 500
    await make(client)
    assert (await client.get(f"{PATH}/001")).json()["id"] == 1


@aio
async def test_health_has_no_prefix(client: httpx.AsyncClient) -> None:
    """Health is a word below the root, its version is JSON, and below `/api` there is none."""
    assert (await client.get("/health")).text == "OK"
    version = (await client.get("/health/version")).json()
    assert version == {"current": "0.22.0", "latest": None, "release_url": None}
    assert (await client.get("/api/health")).status_code == 404
    assert (await client.get("/elsewhere")).headers["content-type"].startswith("text/html")


@aio
async def test_a_double_slash_is_sent_on(client: httpx.AsyncClient) -> None:
    """A double slash is a 308 to the single one, if there is something there."""
    reply = await client.get("/api//incident?page=2")
    assert (reply.status_code, reply.headers["location"]) == (308, f"http://double{PATH}?page=2")
    assert (await client.get("/api//nothing")).status_code == 404


@aio
async def test_writes_answer_with_a_redirect(client: httpx.AsyncClient) -> None:
    """There is no JSON in the answer to a write; the id stands in `Location`, with our host."""
    reply = await client.post(f"{PATH}/create", data=FORM, headers={"host": "elsewhere"})
    assert reply.status_code == 302
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["location"] == "http://elsewhere/api/incident/1"
    behind = {"x-forwarded-proto": "https", "x-forwarded-host": "proxy"}
    one = (await client.get(f"{PATH}/1", headers=behind)).json()
    assert one["links"]["self"] == "https://double/api/incident/1"
    gone = await client.post(f"{PATH}/1/delete")
    assert gone.headers["location"].endswith("/api/incident")
    again = await client.post(f"{PATH}/1/delete")
    assert again.json()["reasons"] == {"incident": "Resource not found : 1"}


@aio
async def test_a_create_ignores_status_and_phases(client: httpx.AsyncClient) -> None:
    """A new incident is active, begins now unless told, and what was left out is null."""
    number = await make(client, status="resolved", resolve_date="2024-02-18T15:00", id="77")
    one = await read(client, number)
    assert (one["status"], one["resolve_date"], one["id"]) == ("active", None, 1)
    assert one["start_impact_date"] == one["creation_date"] == "2026-02-03T09:12"
    assert one["description"] is None


@pytest.mark.parametrize(
    ("form", "reasons"),
    [
        ({"scope": "", "severity": ""}, {"scope": "required", "severity": "required"}),
        ({"scope": "9"}, {"scope": "choice"}),
        ({"scope": "eu-west"}, {"scope": "choice"}),
        ({"severity": "High"}, {"severity": "required"}),
        ({"name": "abc"}, {"name": "4 characters"}),
        ({"name": "    "}, {"name": "required"}),
        ({"external_link": "example.org"}, {"external_link": "URL"}),
        ({"external_link": "http://user:pass@host/"}, {"external_link": "URL"}),
        ({"external_link": "http://[::1]/"}, {"external_link": "URL"}),
        ({"external_link": "http://user@host/"}, {"external_link": "URL"}),
        ({"external_link": "http://a..b/"}, {"external_link": "URL"}),
        ({"external_link": "javascript:alert(1)"}, {"external_link": "URL"}),
        ({"external_link": "git+ssh://host/a"}, {"external_link": "URL"}),
        ({"external_link": " http://host/a"}, {"external_link": "URL"}),
        ({"start_impact_date": ""}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-18T13:19:00"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-18T13:19Z"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-18T13:19+00:00"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-18 13:19"}, {"start_impact_date": "required"}),
        ({"start_impact_date": " 2024-02-18T13:19"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-18"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "1708262340"}, {"start_impact_date": "required"}),
        ({"start_impact_date": "2024-02-30T13:19"}, {"start_impact_date": "required"}),
    ],
)
@aio
async def test_bad_forms_name_every_mistake(
    client: httpx.AsyncClient, form: dict[str, str], reasons: dict[str, str]
) -> None:
    """A bad value of a choice or of the start date is called missing."""
    reply = await client.post(f"{PATH}/create", data={**FORM, **form})
    assert reply.status_code == 400
    found = reply.json()["reasons"]
    assert found.keys() == reasons.keys()
    assert all(part in found[name][0] for name, part in reasons.items())


@pytest.mark.parametrize(
    "link",
    [
        "http://pm-host/a",
        "http://localhost:8080/a",
        "http://192.0.2.7/a",
        "ftp://example.org",
        "slack://channel/x",
        "HTTPS://Example.org",
        "https://a_b.example.org",
        "https://b\u00fccher.example/",
        "http://host/a b",
        "javascript://x",
    ],
)
@aio
async def test_many_links_are_links(client: httpx.AsyncClient, link: str) -> None:
    """Whatever looks like scheme, host and path is taken."""
    assert (await read(client, await make(client, external_link=link)))["external_link"] == link


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 302),
        ({"scope": 1, "service": [2, 3]}, 302),
        ({"description": None, "external_reference": None}, 302),
        ({"external_link": None}, 400),
        ({"external_link": ""}, 302),
        ({"start_impact_date": None}, 500),
        ({"start_impact_date": 5}, 500),
        ({"name": 12345}, 500),
        ({"description": True}, 500),
        ({"description": "\ud800"}, 500),
        ({"external_reference": {}}, 500),
        ({"start_impact_date": "2024-02-18T13:19"}, 302),
    ],
)
@aio
async def test_json_has_traps_of_its_own(
    client: httpx.AsyncClient, change: dict[str, Any], status: int
) -> None:
    """Null dates and numbers for text are a 500, a null link is a 400, lists give their first."""
    body = json.dumps({**FORM, **change})
    headers = {"content-type": "application/json; charset=utf-8"}
    reply = await client.post(f"{PATH}/create", content=body, headers=headers)
    assert reply.status_code == status


@aio
async def test_bodies_that_are_no_form(client: httpx.AsyncClient) -> None:
    """Bad or missing JSON is a bare string, a list a 500, other types an empty form."""
    kind = {"content-type": "application/json"}
    for content in (b"{", b""):
        reply = await client.post(f"{PATH}/create", content=content, headers=kind)
        assert (reply.status_code, type(reply.json())) == (400, str)
        assert (await client.post(f"{PATH}/1/delete", headers=kind)).status_code == 400
    assert (await client.post(f"{PATH}/create", json=[])).status_code == 500
    packed = gzip.compress(json.dumps(FORM).encode())
    headers = kind | {"content-encoding": "gzip"}
    reply = await client.post(f"{PATH}/create", content=packed, headers=headers)
    assert reply.status_code == 400
    for reply in (
        await client.post(f"{PATH}/create", json={}),
        await client.post(f"{PATH}/create", json=None, headers=kind | {"x": "y"}, content=b"null"),
        await client.post(f"{PATH}/create", params=FORM),
        await client.post(f"{PATH}/create", content=b"name=x"),
    ):
        assert set(reply.json()["reasons"]) == {"name", "scope", "service", "severity"}


@aio
async def test_other_encodings_of_forms(client: httpx.AsyncClient) -> None:
    """Multipart works, and latin-1 bytes stay as percent text."""
    parts = {name: (None, value) for name, value in {**FORM, "description": "caf\u00e9"}.items()}
    reply = await client.post(f"{PATH}/create", files=parts)
    assert reply.status_code == 302
    assert (await read(client, 1))["description"] == "caf\u00e9"
    raw = "&".join(f"{name}={value}" for name, value in FORM.items()) + "&description=caf%E9"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    await client.post(f"{PATH}/create", content=raw.replace(" ", "+"), headers=kind)
    assert (await read(client, 2))["description"] == "caf%E9"


@aio
async def test_of_a_repeated_field_the_first_counts(client: httpx.AsyncClient) -> None:
    """A form that names a field twice is read as if it had not gone on."""
    number = await make(client, description=["First", "Second"])
    assert (await read(client, number))["description"] == "First"


@aio
async def test_early_years_are_not_padded(client: httpx.AsyncClient) -> None:
    """A year below 1000 is taken, read back with fewer digits, and then refused as it reads."""
    number = await make(client, start_impact_date="0001-01-01T00:00")
    start = (await read(client, number))["start_impact_date"]
    assert start == "1-01-01T00:00"
    assert (await save(client, number, start_impact_date=start)).status_code == 400


@aio
async def test_an_update_replaces_everything(client: httpx.AsyncClient, clock: Clock) -> None:
    """Texts that are left out become null and the start becomes now."""
    number = await make(
        client,
        description="Gone soon",
        external_reference="devrev:INC-1/x",
        start_impact_date="2024-2-8T3:9",
    )
    assert (await read(client, number))["start_impact_date"] == "2024-02-08T03:09"
    clock.pass_(120)
    assert (await save(client, number)).status_code == 302
    one = await read(client, number)
    assert (one["description"], one["external_reference"]) == (None, None)
    assert one["start_impact_date"] == "2026-02-03T09:14"
    assert (await client.post(f"{PATH}/{number}/update", data=FORM)).status_code == 400
    assert (await save(client, 999)).status_code == 404
    assert (await save(client, 999, name="")).status_code == 400
    assert (await save(client, number, stable_date="bogus")).json()["reasons"] == {
        "stable_date": ["Not a valid datetime value."]
    }


@pytest.mark.parametrize(
    ("status", "sent", "kept", "alone"),
    [
        ("active", "", "---", "---"),
        ("investigating", "i", "i--", "n--"),
        ("stable", "is", "is-", "-n-"),
        ("resolved", "isr", "isr", "--n"),
    ],
)
@aio
async def test_dates_follow_the_status(
    client: httpx.AsyncClient, status: str, sent: str, kept: str, alone: str
) -> None:
    """Dates beyond the status are dropped, its own becomes now, earlier ones become null."""
    digits = {"i": "2024-02-18T13:00", "s": "2024-02-18T14:00", "r": "2024-02-18T15:00"}
    wanted = {**digits, "n": "2026-02-03T09:12", "-": None}
    number = await make(client)
    dates = dict(zip(PHASE_DATES, digits.values(), strict=True))
    for form, expected in ((dates, kept), ({}, alone)):
        await save(client, number, status=status, **form)
        one = await read(client, number)
        assert [one[name] for name in PHASE_DATES] == [wanted[mark] for mark in expected]
    assert len(sent) == sum(mark != "-" for mark in kept)


@aio
async def test_a_read_posted_back_breaks(client: httpx.AsyncClient) -> None:
    """As it is it is a 500, without its nulls it changes nothing and writes no event."""
    one = await read(client, await make(client, description="Same"))
    path = f"{PATH}/{one['id']}/update"
    assert (await client.post(path, json=one)).status_code == 500
    plain = {key: value for key, value in one.items() if value is not None}
    assert (await client.post(path, json=plain)).status_code == 302
    assert await read(client, one["id"]) == one


@pytest.mark.parametrize(
    ("written", "read_back"),
    [
        ("  a\r\nb\t \n\n\n\nc\n\n", "  a\nb\n\nc\n"),
        ("   ", ""),
        ("\n\n", ""),
        ("a\u00a0\u2028\u0085", "a"),
        ("a\u200b\ufeff", "a\u200b\ufeff"),
        ("a\rb", "a\rb"),
    ],
)
@aio
async def test_text_is_normalised(client: httpx.AsyncClient, written: str, read_back: str) -> None:
    """Lines lose white space at their end, and many blank lines become one."""
    number = await make(client, description=written)
    assert (await read(client, number))["description"] == read_back


@given(st.text(alphabet="a \t\r\n\u00a0\u200b"))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    """What was read back can be written back without a change."""
    assert normal(normal(text)) == normal(text)


@aio
async def test_paging_stands_in_headers(client: httpx.AsyncClient) -> None:
    """`None` is spelled as text, the end is an empty 200, and limits differ by how they fail."""
    for _ in range(3):
        await make(client)
    reply = await client.get(PATH, params={"per_page": 2})
    headers = {name: reply.headers[name] for name in reply.headers if name.startswith("x-")}
    assert headers == {
        "x-total": "3",
        "x-total-pages": "2",
        "x-page": "1",
        "x-per-page": "2",
        "x-prev-page": "None",
        "x-next-page": "2",
        "x-username": "connector-dev",
    }
    past = await client.get(PATH, params={"per_page": 2, "page": 9})
    assert (past.status_code, past.json()) == (200, {"items": []})
    assert (past.headers["x-next-page"], past.headers["x-prev-page"]) == ("None", "8")
    statuses = {
        "per_page=51": 400,
        "page=10000001": 400,
        "page=abc": 500,
        "page=1.5": 500,
        "per_page=abc": 500,
        "page=0": 200,
        "page=-1": 200,
        "page=": 200,
    }
    for query, status in statuses.items():
        assert (await client.get(f"{PATH}?{query}")).status_code == status
    over = (await client.get(f"{PATH}?per_page=51")).json()
    assert over["message"] == "Pagination value overflow"
    assert over["reasons"] == {"per_page": ["Value higher than the limit 50"]}
    for size in ("0", "-1"):
        assert (await client.get(f"{PATH}?per_page={size}")).headers["x-per-page"] == "20"
    assert (await client.get(f"{PATH}?page=2&page=3")).headers["x-page"] == "2"


@aio
async def test_an_empty_table_has_no_pages(client: httpx.AsyncClient) -> None:
    """Nothing at all is zero rows on zero pages."""
    headers = (await client.get(PATH)).headers
    assert (headers["x-total"], headers["x-total-pages"]) == ("0", "0")


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("empty", 200, {"items": []}),
        ("429", 429, {"message": "API rate limit has been reached"}),
        ("500-before", 500, SERVER_ERROR),
    ],
)
@aio
async def test_trouble_is_in_its_own_words(
    world: World, client: httpx.AsyncClient, kind: str, status: int, body: object
) -> None:
    """A limit is an object, a failure a bare string, and an empty listing counts what it hides."""
    await make(client)
    world.fault("GET", kind)
    reply = await client.get(PATH)
    assert (reply.status_code, reply.json()) == (status, body)
    assert reply.headers.get("x-total") == ("1" if kind == "empty" else None)
    world.fault("GET", "401")
    refused = (await client.get(PATH)).json()
    assert refused["reasons"] == {"token": ["Signature has expired"]}


@aio
async def test_order_is_by_impact(client: httpx.AsyncClient) -> None:
    """The newest impact comes first, then statuses and severities by name, then ids."""
    dates = ("2024-02-01T00:00", "2024-02-03T00:00", "2024-02-02T00:00", "2024-02-02T00:00")
    for date in dates:
        await make(client, start_impact_date=date)
    await make(client, start_impact_date="2024-02-02T00:00", severity="critical")
    assert await listed(client) == [2, 5, 3, 4, 1]
    await save(client, 1, start_impact_date="2025-01-01T00:00")
    assert (await listed(client))[0] == 1


@aio
async def test_bad_filters_widen(client: httpx.AsyncClient) -> None:
    """A value that is not valid is dropped, and the whole list comes back."""
    for severity in ("high", "low"):
        await make(client, severity=severity, external_reference=f"ref-{severity}")
    both = [1, 2]
    assert await listed(client, severity=["low", "bogus"]) == [2]
    assert await listed(client, severity="HIGH") == both
    assert await listed(client, scope="eu-west") == both
    assert await listed(client, scope="7") == []
    assert await listed(client, q="x") == both
    assert await listed(client, external_reference="ref-low") == [2]
    assert await listed(client, external_reference=["ref-low", "ref-high"]) == both
    assert await listed(client, external_reference="REF-low") == []
    assert await listed(client, external_reference="") == []
    assert await listed(client, status=["STABLE", "stable,resolved", ""]) == both
    assert await listed(client, service=["", "x"], limit=1, sort="id") == both
    assert await listed(client, severity="high", external_reference="ref-low") == []
    await make(client, external_reference="")
    assert await listed(client, external_reference="") == [3]
    many = await client.get(PATH, params={"external_reference": ["x"] * 51})
    assert (many.status_code, many.json()["message"]) == (400, "Filter value overflow")
    long = await client.get(PATH, params={"external_reference": ["x" * 90] * 50})
    assert long.headers["content-type"].startswith("text/html")


@aio
async def test_events_are_the_only_history(client: httpx.AsyncClient) -> None:
    """Newest first; an update tells old and new with upper-case names, a comment is verbatim."""
    number = await make(client)
    await save(client, number, status="resolved", scope="2", resolve_date="2024-02-18T15:00")
    await client.post(f"{PATH}/{number}/comment", data={"comment": " Hello\r\n", "internal": "0"})
    await client.post(f"{PATH}/{number}/comment", json={"comment": "Public", "internal": 0})
    events = (await read(client, number))["events"]
    assert [one["type"] for one in events] == ["comment", "comment", "update", "create"]
    assert [one["internal"] for one in events] == [False, True, True, True]
    assert events[1]["content"] == " Hello\r\n"
    changed = json.loads(events[2]["content"])
    assert changed["status"] == ["ACTIVE", "RESOLVED"]
    assert changed["scope_id"] == [1, 2]
    assert changed["resolve_date"] == [None, "2024-02-18T15:00"]
    assert json.loads(events[3]["content"])["severity"] == "high"
    assert (await client.post(f"{PATH}/1/comment", data={"comment": " "})).status_code == 400


@aio
async def test_json_is_sorted_ascii(client: httpx.AsyncClient) -> None:
    """Keys are sorted and everything outside ASCII is escaped."""
    await make(client, name="Caf\u00e9 closed")
    text = (await client.get(f"{PATH}/1")).text
    assert "Caf\\u00e9" in text
    keys = list(json.loads(text))
    assert keys == sorted(keys)


@aio
async def test_a_person_saves_empty_text(double: ProdManagerSimulator) -> None:
    """Saving the web form makes empty text of null and writes an event."""
    key = double.add(status="resolved", resolve_date="2024-02-18T15:00", service="Search")
    number = double.add()
    double.edit(number)
    double.comment(number, "Hello", internal=True)
    resolved, plain = double.records()
    assert (resolved["status"], resolved["resolve_date"]) == ("resolved", "2024-02-18T15:00")
    assert resolved["service"] == 2
    assert plain["description"] == ""
    assert [one["type"] for one in plain["events"]] == ["comment", "update", "create"]
    double.delete(key)
    assert double.ids() == [number]
