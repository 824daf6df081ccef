"""Fault plans: what they may say, when they strike, and how each kind looks to a client."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from ruamel.yaml import YAML

from instep.simulator.datadog import DatadogSimulator
from instep.simulator.devrev import DevRevSimulator
from instep.simulator.faults import FORMS, KINDS, Entry, PlanError, entries
from instep.simulator.gate import Message
from instep.simulator.prodmanager import ProdManagerSimulator
from instep.simulator.serve import serve
from instep.simulator.world import Simulator, World

if TYPE_CHECKING:
    from tests.simulator.conftest import Clock, Connect

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "simulators.md"
TITLE = {"title": "Lost in transit"}
HEADERS = {"authorization": "Bearer t", "x-devrev-scope": "beta"}
DOUBLES: dict[str, Callable[..., Simulator]] = {
    "devrev": DevRevSimulator,
    "datadog": DatadogSimulator,
    "prodmanager": ProdManagerSimulator,
}
TITLES = {"devrev": "title", "datadog": "title", "prodmanager": "name"}


def titles(double: Simulator) -> list[str]:
    """Read what the incidents of a double are called."""
    found = [record.get("attributes", record) for record in double.records()]
    return [one[TITLES[double.name]] for one in found]


def struck(world: World, line: str, count: int) -> list[int]:
    """Ask for ``line`` so many times; answers the numbers of the requests that were struck."""
    return [number for number in range(1, count + 1) if world.due(line, "devrev")]


# When


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        ({}, [1]),
        ({"nth": 3}, [3]),
        ({"every": 4}, [4, 8, 12]),
        ({"every": 1, "times": 2}, [1, 2]),
        ({"every": 4, "from": 6}, [9]),
        ({"nth": 2, "from": 6}, [7]),
        ({"from": 6}, [6]),
        ({"chance": 1.0, "times": 3, "from": 2}, [2, 3, 4]),
    ],
)
def test_a_fault_strikes_when_its_entry_says(when: dict[str, Any], numbers: list[int]) -> None:
    """The nth, every so many, at most so often, and not before one of the matching requests."""
    world = World()
    world.fault("list", "401", **when)
    assert struck(world, "GET /unrelated", 3) == []
    assert struck(world, "POST /incidents.list", 12) == numbers


def test_equal_seeds_strike_alike() -> None:
    """A chance is decided by the seed, and is as great as it says."""
    plans = []
    for seed in (1, 1, 2):
        world = World(seed)
        world.fault("list", "401", chance=0.1)
        plans.append(struck(world, "POST /incidents.list", 1000))
    assert plans[0] == plans[1] != plans[2]
    assert 50 < len(plans[0]) < 150


def test_one_more_fault_does_not_move_the_others() -> None:
    """Each fault has a chance of its own, and what a double names by chance has another."""
    alone, beside = World(3), World(3)
    for world in (alone, beside):
        world.fault("list", "401", chance=0.1)
    beside.fault("get", "403", chance=0.5)
    lines = ("POST /incidents.list", "POST /incidents.get")
    numbers = [
        [[fault.entry.kind for fault in world.due(line)] for _ in range(100) for line in lines]
        for world in (alone, beside)
    ]
    assert numbers[0][::2] == numbers[1][::2]
    assert alone.random.random() == beside.random.random()


async def test_a_route_is_text_of_method_path_and_query(world: World, connect: Connect) -> None:
    """The query counts too, decoded as a person would write it."""
    async with connect(DatadogSimulator(world)) as client:
        world.fault("GET /api/v2/incidents?page[size]=2&page[offset]=2", "empty")
        sizes = [
            len(
                (await client.get(f"/api/v2/incidents?page[size]=2&page[offset]={at}")).json()[
                    "data"
                ]
            )
            for at in (0, 2, 4)
        ]
    assert sizes == [2, 0, 2]


# What a plan may say


@pytest.mark.parametrize(
    ("entry", "path", "message", "hint"),
    [
        ({"kind": "401"}, ("route",), '"route" is missing', "needs route and kind"),
        ({"route": ""}, ("kind",), '"kind" is missing', "needs route and kind"),
        ({"route": "", "kind": "hung"}, ("kind",), 'cannot be "hung"', 'did you mean "hang"?'),
        ({"route": "", "kind": 404}, ("kind",), 'cannot be "404"', "one of 429, 401"),
        (
            {"route": "", "kind": 401, "nht": 2},
            ("nht",),
            'unknown key "nht"',
            '"nth"? one of route',
        ),
        ({"route": 7, "kind": 401}, ("route",), '"route" must be text', ""),
        ({"route": "", "kind": 401, "nth": "2"}, ("nth",), "must be a whole number", ""),
        ({"route": "", "kind": 401, "nth": 0}, ("nth",), "greater than or equal to 1", ""),
        ({"route": "", "kind": 401, "chance": 2}, ("chance",), "less than or equal to 1", ""),
        (
            {"route": "", "kind": 401, "nth": 2, "every": 3},
            ("every",),
            '"every" cannot stand beside "nth"',
            "one of nth, every, chance",
        ),
        ({"route": "", "kind": 401, "times": 2}, ("times",), 'goes with "every" or "chance"', ""),
        ({"route": "", "kind": "latency"}, ("kind",), 'latency needs "seconds"', "seconds: 0.5"),
        (
            {"route": "", "kind": "latency", "seconds": -1},
            ("seconds",),
            "cannot be below 0",
            "only a clock goes back",
        ),
        (
            {"route": "", "kind": "hang", "seconds": 3},
            ("seconds",),
            '"seconds" means nothing to hang',
            "it goes with 429, latency, drip, skew",
        ),
        (
            {"route": "", "kind": "latency", "seconds": float("inf")},
            ("seconds",),
            "must be a number",
            "",
        ),
        (
            {"route": "", "kind": "skew", "seconds": -1e11},
            ("seconds",),
            "greater than or equal to -1000000000",
            "",
        ),
        (
            {"route": "", "kind": 429, "seconds": 1e300},
            ("seconds",),
            "less than or equal to 1000000000",
            "",
        ),
        (
            {"route": "", "kind": 429, "form": "dates"},
            ("form",),
            '"form" cannot be "dates"',
            'did you mean "date"?',
        ),
    ],
)
def test_a_wrong_entry_says_what_would_be_right(
    entry: dict[str, Any], path: tuple[str, ...], message: str, hint: str
) -> None:
    """Every mistake has a place, what is wrong there, and what is allowed."""
    with pytest.raises(PlanError) as caught:
        entries([{"route": "", "kind": "401"}, entry])
    (mistake,) = caught.value.mistakes
    assert mistake.path == (1, *path)
    assert message in mistake.message
    assert hint in mistake.hint


@pytest.mark.parametrize(
    ("plan", "message"),
    [({}, "a plan must be a list"), (["401"], "an entry must be a mapping")],
)
def test_a_plan_is_a_list_of_mappings(plan: Any, message: str) -> None:
    """Anything else is refused in plain words."""
    with pytest.raises(PlanError, match=message):
        entries(plan)


# Refusals


@pytest.mark.parametrize(
    ("form", "headers", "body"),
    [
        ("own", {"retry-after": "7"}, 7),
        ("retry-after", {"retry-after": "7"}, None),
        ("date", {"retry-after": "Tue, 03 Feb 2026 09:12:37 GMT"}, None),
        ("body", {}, 7),
        ("reset", {"x-ratelimit-reset": "7"}, None),
        ("reset-at", {"x-ratelimit-reset": "1770109958"}, None),
        ("none", {}, None),
    ],
)
async def test_every_way_to_ask_for_patience(
    world: World, connect: Connect, form: str, headers: dict[str, str], body: int | None
) -> None:
    """A 429 names its wait in the form that is asked for, and in no other."""
    async with connect(DevRevSimulator(world)) as client:
        world.fault("list", "429", seconds=6.5, form=form)
        reply = await client.post("/incidents.list", json={})
    asked = {"retry-after", "x-ratelimit-reset"} & set(reply.headers)
    found = {key: reply.headers[key] for key in asked}
    if form == "own":
        assert found.pop("x-ratelimit-reset")
    assert (reply.status_code, found) == (429, headers)
    assert reply.json().get("retry_after") == body
    assert world.retry_after == 1


@pytest.mark.parametrize("kind", DOUBLES)
async def test_a_429_may_name_no_wait(world: World, connect: Connect, kind: str) -> None:
    """Without a wait, nothing of the service's own hint stays behind."""
    async with connect(DOUBLES[kind](world)) as client:
        world.fault("GET", "429", form="none")
        reply = await client.get("/incidents.list")
    assert reply.status_code == 429
    assert not {"retry-after", "x-ratelimit-reset"} & set(reply.headers)
    assert "retry_after" not in reply.json()


@pytest.mark.parametrize("kind", DOUBLES)
@pytest.mark.parametrize("status", [502, 503])
async def test_a_gateway_speaks_html_and_a_service_json(
    world: World, connect: Connect, kind: str, status: int
) -> None:
    """The gateway's own page comes by default, the service's own words on demand."""
    async with connect(DOUBLES[kind](world)) as client:
        world.fault("GET", str(status))
        world.fault("GET", str(status), nth=2, form="own")
        page, own = [await client.get("/incidents.list") for _ in range(2)]
    assert [page.status_code, own.status_code] == [status, status]
    assert page.headers["content-type"].startswith("text/html")
    assert own.json()


async def test_a_503_of_their_own_is_told_from_a_500(world: World, connect: Connect) -> None:
    """DevRev names its type (documented), Datadog's gateway its status page (observed)."""
    for double, word in (
        (DevRevSimulator(world), "service_unavailable"),
        (DatadogSimulator(world), "statuspage"),
    ):
        async with connect(double) as client:
            world.fault("GET", "503", form="own")
            reply = await client.get("/incidents.list")
        assert (reply.status_code, word in reply.text) == (503, True)


@pytest.mark.parametrize(
    ("fault", "status"), [("500-before", 504), ("500-after", 599), ("html", 403)]
)
async def test_some_kinds_have_any_status(
    world: World, connect: Connect, fault: str, status: int
) -> None:
    """A plan may say which error it is, or with which status a page comes."""
    async with connect(DevRevSimulator(world)) as client:
        world.fault("list", fault, status=status)
        assert (await client.post("/incidents.list", json={})).status_code == status


@pytest.mark.parametrize(
    ("double", "method", "path"),
    [
        (DevRevSimulator, "POST", "/incidents.list"),
        (lambda world: DatadogSimulator(world, token="another"), "GET", "/api/v2/incidents"),
        (
            lambda world: ProdManagerSimulator(world, can_write=False),
            "POST",
            "/api/incident/1/update",
        ),
    ],
)
async def test_a_403_is_worded_as_the_service_words_it(
    world: World,
    connect: Connect,
    double: Callable[[World], Simulator],
    method: str,
    path: str,
) -> None:
    """The fault and a real lack of permission cannot be told apart."""
    async with connect(double(world), authorization="Bearer t") as client:
        true = await client.request(method, path)
        world.fault(path, "403")
        made = await client.request(method, path)
    assert (made.status_code, made.json()) == (true.status_code, true.json())
    assert made.status_code == 403


# Lost, late and slow


@pytest.mark.parametrize(("kind", "made"), [("drop-before", 0), ("drop-after", 1), ("reset", 1)])
async def test_a_lost_connection_is_an_error_of_the_transport(
    world: World, connect: Connect, kind: str, made: int
) -> None:
    """Its caller sees a broken connection and cannot tell whether the write took effect."""
    double = DatadogSimulator(world, incidents=0)
    body = {"data": {"type": "incidents", "attributes": TITLE | {"customer_impacted": False}}}
    async with connect(double) as client:
        world.fault("POST", kind)
        with pytest.raises(httpx.ReadError):
            await client.post("/api/v2/incidents", json=body)
    assert len(double.ids()) == made
    assert [(one.status, one.fault) for one in world.requests] == [(0, kind)]


@asynccontextmanager
async def at_port(double: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a double on a port, and connect to it."""
    server = await serve(double.app, 0)
    url = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=url, headers=HEADERS) as client:
        try:
            yield client
        finally:
            await server.stop()


@pytest.mark.parametrize(
    ("kind", "error", "said", "made"),
    [
        ("drop-before", httpx.RemoteProtocolError, "without sending a response", 0),
        ("drop-after", httpx.RemoteProtocolError, "without sending complete message body", 1),
        ("reset", httpx.ReadError, "", 1),
    ],
)
async def test_a_port_closes_the_connection_in_three_ways(
    kind: str, error: type[Exception], said: str, made: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Closed before any reply, closed in the middle of one, reset; the next request is served."""
    double = ProdManagerSimulator(World(), incidents=0)
    form = {"scope": "1", "service": "1", "name": "Dropped", "severity": "low"}
    async with at_port(double) as client:
        double.world.fault("create", kind)
        with pytest.raises(error) as caught:
            await client.post("/api/incident/create", data=form)
        assert said in str(caught.value)
        assert len(double.ids()) == made
        assert (await client.post("/api/incident/create", data=form)).status_code == 302
    assert caplog.records == []


async def test_a_late_answer_is_the_true_one(world: World, connect: Connect) -> None:
    """After its time the answer comes, and says what it would have said at once."""
    async with connect(DevRevSimulator(world)) as client:
        usual = (await client.post("/incidents.list", json={})).json()
        world.fault("list", "latency", seconds=0.01)
        assert (await client.post("/incidents.list", json={})).json() == usual


async def test_a_client_that_gives_up_waiting_has_written(
    world: World, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A late answer is late for the client only: the record was made before the wait."""
    double = DevRevSimulator(world, incidents=0)
    arrived = asyncio.Event()
    monkeypatch.setattr(world, "note", lambda _: arrived.set())
    async with connect(double) as client:
        world.fault("create", "latency", seconds=3600)
        task = asyncio.create_task(client.post("/incidents.create", json=TITLE))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(double.ids()) == 1


class Wire:
    """A client that takes down each message, and leaves after so many of them."""

    def __init__(self, patience: int) -> None:
        """Leave after ``patience`` messages."""
        self.messages: list[Message] = []
        self._patience = patience
        self._asked = False
        self._left = asyncio.Event()

    async def receive(self) -> Message:
        """Give the request, then wait to leave."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message down."""
        self.messages.append(message)
        if len(self.messages) == self._patience:
            self._left.set()

    async def get(self, double: Simulator, path: str) -> None:
        """Ask for a path."""
        headers = [(key.encode(), value.encode()) for key, value in HEADERS.items()]
        scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
        await double.app(scope, self.receive, self.send)


async def test_an_answer_that_drips_comes_byte_by_byte(world: World) -> None:
    """Its length is said at once; no part of it is longer than a byte."""
    double = ProdManagerSimulator(world)
    usual, drip = Wire(99), Wire(99)
    await usual.get(double, "/health")
    world.fault("/health", "drip", seconds=0)
    await drip.get(double, "/health")
    assert drip.messages[0] == usual.messages[0]
    assert [message["body"] for message in drip.messages[1:]] == [b"O", b"K", b""]
    assert [message["more_body"] for message in drip.messages[1:]] == [True, True, False]


@pytest.mark.parametrize(("kind", "sent"), [("drip", 1), ("latency", 0)])
async def test_nothing_is_sent_to_a_client_that_has_gone(
    world: World, kind: str, sent: int
) -> None:
    """A wait ends with the connection that is waited for."""
    wire = Wire(sent)
    if not sent:
        wire._left.set()
    world.fault("/health", kind, seconds=3600)
    await wire.get(ProdManagerSimulator(world), "/health")
    assert len(wire.messages) == sent


async def test_a_drip_is_slow_by_default(world: World) -> None:
    """Without another pace a byte takes a second, so a short patience sees none of the body."""
    wire = Wire(1)
    world.fault("/health", "drip")
    await wire.get(ProdManagerSimulator(world), "/health")
    assert [message["type"] for message in wire.messages] == ["http.response.start"]


# Beside the answer


@pytest.mark.parametrize("seconds", [-90.0, 3600.0])
async def test_the_clock_jumps_and_stays_so(
    world: World, clock: Clock, connect: Connect, seconds: float
) -> None:
    """The matching request sees the new time already, and so does everything after it."""
    async with connect(DevRevSimulator(world, incidents=0)) as client:
        world.fault("create", "skew", nth=2, seconds=seconds)
        dates = [
            (await client.post("/incidents.create", json=TITLE)).json()["incident"]["created_date"]
            for _ in range(3)
        ]
    assert dates[1] == dates[2] != dates[0]
    assert (world.now() - clock.at).total_seconds() == seconds


def test_jumps_of_the_clock_add_up(world: World, clock: Clock) -> None:
    """Many jumps, some of them back, are as good as one."""
    for seconds in (60, -60, 5, 5):
        world.skew(seconds)
    assert (world.now() - clock.at).total_seconds() == 10


GETS: dict[str, Callable[[str], tuple[str, str, Any]]] = {
    "devrev": lambda one: ("POST", "/incidents.get", {"id": one}),
    "datadog": lambda one: ("GET", f"/api/v2/incidents/{one}", None),
    "prodmanager": lambda one: ("GET", f"/api/incident/{one}", None),
}


@pytest.mark.parametrize("kind", DOUBLES)
async def test_a_person_edits_between_a_read_and_what_follows(
    world: World, connect: Connect, kind: str
) -> None:
    """The record that the request names is edited once its answer is made."""
    double = DOUBLES[kind](world)
    before, chosen = titles(double), double.ids()[5]
    async with connect(double) as client:
        world.fault("", "edit")
        method, path, body = GETS[kind](chosen)
        reply = await client.request(method, path, json=body)
    assert before[5] in reply.text
    changed = [new for old, new in zip(before, titles(double), strict=True) if new != old]
    assert changed == [titles(double)[5]] == ["Meanwhile, deed 1 of a person"]


@pytest.mark.parametrize("kind", DOUBLES)
async def test_a_row_comes_or_goes_between_pages(world: World, connect: Connect, kind: str) -> None:
    """A listing that names no record meets a new one, or loses one; which one the seed says."""
    held = []
    for _ in range(2):
        again = World(seed=4, now=world.now)
        double = DOUBLES[kind](again)
        async with connect(double) as client:
            again.fault("", "insert")
            again.fault("", "delete", nth=2)
            await client.get("/anywhere")
            assert len(double.ids()) == 9
            await client.get("/anywhere")
        held.append(titles(double))
    assert held[0] == held[1]
    assert len(held[0]) == 8


@pytest.mark.parametrize("fault", ["edit", "delete"])
async def test_where_nothing_is_nothing_happens(world: World, connect: Connect, fault: str) -> None:
    """A person who finds no incident does nothing."""
    double = DatadogSimulator(world, incidents=0)
    async with connect(double) as client:
        world.fault("", fault)
        assert (await client.get("/api/v2/incidents")).json()["data"] == []


async def test_a_datadog_write_names_its_record_too(world: World, connect: Connect) -> None:
    """A delete after a PATCH takes the record that was just written."""
    double = DatadogSimulator(world)
    chosen = double.ids()[3]
    body = {"data": {"type": "incidents", "id": chosen, "attributes": TITLE}}
    async with connect(double) as client:
        world.fault("PATCH", "delete")
        assert (await client.patch(f"/api/v2/incidents/{chosen}", json=body)).status_code == 200
    assert chosen not in double.ids()


# At run time


async def test_faults_can_be_added_and_cleared_over_http(world: World, connect: Connect) -> None:
    """A soak adds faults while a double runs, sees which are still to come, and clears them."""
    plan = [{"route": "list", "kind": "503"}, {"route": "list", "every": 2, "kind": 401}]
    async with connect(DevRevSimulator(world)) as client:
        added = await client.post("/_sim/faults", json=plan)
        statuses = [(await client.post("/incidents.list", json={})).status_code for _ in range(2)]
        left = (await client.get("/_sim/faults")).json()["faults"]
        cleared = await client.delete("/_sim/faults")
        statuses += [(await client.post("/incidents.list", json={})).status_code for _ in range(2)]
    assert (added.status_code, len(added.json()["faults"]), cleared.status_code) == (201, 2, 204)
    assert statuses == [503, 401, 200, 200]
    assert left == [{"route": "list", "kind": "401", "every": 2, "seen": 2, "struck": 1}]


async def test_one_doubles_plan_spares_the_others(world: World, connect: Connect) -> None:
    """Doubles that share a world have plans of their own; clearing one leaves the other's."""
    devrev, datadog = DevRevSimulator(world), DatadogSimulator(world)
    async with connect(devrev) as one, connect(datadog) as other:
        for client in (one, other):
            await client.post("/_sim/faults", json=[{"route": "", "every": 1, "kind": "503"}])
        await one.delete("/_sim/faults")
        assert (await one.post("/incidents.list", json={})).status_code == 200
        assert (await other.get("/api/v2/incidents")).status_code == 503


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"[{", "this is not JSON"),
        (b'{"route": ""}', "a plan must be a list"),
        (b'[{"route": "", "kind": "401"}, {"route": "", "kind": "hung"}]', 'did you mean "hang"?'),
    ],
)
async def test_a_wrong_plan_over_http_adds_nothing(
    world: World, connect: Connect, sent: bytes, said: str
) -> None:
    """It is refused with 400 and every mistake in it, and none of it is taken on."""
    async with connect(DevRevSimulator(world)) as client:
        reply = await client.post("/_sim/faults", content=sent)
        left = (await client.get("/_sim/faults")).json()["faults"]
    assert (reply.status_code, left) == (400, [])
    assert said in reply.json()["message"]


async def test_there_is_nothing_else_to_peep_at(world: World, connect: Connect) -> None:
    """Other paths and methods below /_sim/ are not found."""
    async with connect(DevRevSimulator(world)) as client:
        assert (await client.get("/_sim/secrets")).status_code == 404
        assert (await client.put("/_sim/faults")).status_code == 404


# The page


def test_the_page_shows_an_example_of_every_kind() -> None:
    """Each example in the documentation is a plan, and no kind, key or form goes untold."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shown = [entry for block in blocks for entry in entries(YAML(typ="safe").load(block))]
    assert {entry.kind for entry in shown} == set(KINDS)
    keys = {field.alias or name for name, field in Entry.model_fields.items()}
    words = {*KINDS, *keys, *(form for forms in FORMS.values() for form in forms)}
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []
