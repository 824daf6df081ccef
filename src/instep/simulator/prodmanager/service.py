"""ProdManager: incidents on a public status page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from instep.simulator.prodmanager import listing
from instep.simulator.prodmanager.database import first
from instep.simulator.prodmanager.held import Holder
from instep.simulator.prodmanager.incident import Incident, event
from instep.simulator.prodmanager.text import (
    NOT_FOUND,
    REQUIRED,
    SERVER_ERROR,
    RefusedError,
    broken,
    check_text,
    failed,
    not_found,
    read_form,
    read_lists,
)
from instep.simulator.prodmanager.token import DENIED, Caller, Tokens, given, lacking
from instep.simulator.prodmanager.visit import (
    HOUR,
    Limit,
    Visit,
    as_limited,
    as_sorted,
    over,
    refusal,
)
from instep.simulator.wire import HTML, JSON, NO_HEADERS, Call, Reply, as_html

if TYPE_CHECKING:
    from instep.simulator.world import World

Answer = Callable[..., Reply]
Route = tuple[str, re.Pattern[str], Answer]
LONGEST_LINE = 4094
#: Seconds for which the token lasts, and for which it is valid before the start, so that a
#: clock may be set back.
TEN_YEARS, DAY = 315_360_000.0, 86_400.0
SECRET = "application-secret"  # noqa: S105 - of a service that is only played
VERSION = {"current": "0.22.0", "latest": None, "release_url": None}
ONE, PLACE = "/api/incident/([0-9]+)", "/api/(scope|service)"
WRITTEN = re.compile("/api/(incident|scope|service)/")
WEB = re.compile("/((incident|scope|service)(/.*)?)?")


class ProdManagerSimulator(Holder):
    """ProdManager 0.22.0, as observed.

    ``database`` is what it runs on, ``sqlite`` or ``postgresql``.
    ``timezone`` is the server machine's own.
    ``unstable_ties`` loses rows with equal sort keys between pages, as PostgreSQL always does.
    ``can_write`` says whether the token has its permissions at all.
    ``permissions`` are those of the token, with spaces between them.
    ``starts_in`` is when the token begins to be valid, in seconds from the start.
    ``expires_in`` is when the token ends, in seconds from the start.
    ``uptime`` is for how many seconds the server ran before: tokens made without dates end an
    hour after it was started.
    ``secret`` is the application's, which making tokens asks for.
    ``quota`` is how many requests a token may make in an hour; 0 counts none.
    ``anonymous_quota`` is how many an address without a token may make, if there is a quota.
    ``subscribers`` get a mail of each create and change of status, the first 50 of them.
    ``eventless_every`` lets each so many-th create or update be written, but answered with 500
    and without an event; 0 lets none.
    ``locked`` refuses writes with 500, as a database that another program holds.
    """

    name = "prodmanager"

    def __init__(  # noqa: PLR0913 - each is a switch
        self,
        world: World,
        *,
        token: str | None = None,
        incidents: int = 8,
        database: str = "sqlite",
        timezone: str = "UTC",
        unstable_ties: bool = False,
        can_write: bool = True,
        permissions: str = "incident_api",
        starts_in: float = -DAY,
        expires_in: float = TEN_YEARS,
        uptime: float = 0.0,
        secret: str = SECRET,
        quota: int = 0,
        anonymous_quota: int = 60,
        subscribers: int = 50,
        eventless_every: int = 0,
        locked: bool = False,
    ) -> None:
        """Hold ``incidents`` seeded ones; ``token`` is the only one accepted, if given.

        Raises:
            ValueError: there is no such database, time zone or permission, or a count below 0.
        """
        _check(
            quota=quota,
            anonymous_quota=anonymous_quota,
            subscribers=subscribers,
            eventless_every=eventless_every,
            uptime=uptime,
        )
        super().__init__(world, timezone=timezone, base=database, subscribers=subscribers)
        began = world.now().timestamp()
        stock = given(permissions if can_write else "", began + starts_in, began + expires_in)
        self.locked = locked
        self._tokens = Tokens(secret, int(began - uptime), stock, token)
        self._limit = Limit(quota, anonymous_quota)
        self._unstable_ties = unstable_ties or not self.database.has_stable_ties
        self._eventless_every = eventless_every
        self._written = 0
        self._sorted: tuple[int, list[Incident]] = (-1, [])
        self._routes = self._make_routes()
        self.seed(incidents)

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        if len(f"{call.method} {call.path}?{call.query} HTTP/1.1") > LONGEST_LINE:
            return as_html("Bad Request: Request Line is too large", 400)
        try:
            caller = self._admit(call)
        except RefusedError as refused:
            return refusal(call, refused)
        if not _is_latin(caller.name or ""):
            # The name goes into a header, which cannot hold it.
            return as_html("Internal Server Error", 500)
        name = {"x-username": caller.name} if caller.name else {}
        counted = self._limit.count(caller, self.world.now()) if _is_api(call) else NO_HEADERS
        reply = as_limited(HOUR) if over(counted) else self._reply(Visit(call, caller))
        return replace(reply, headers={**reply.headers, **counted, **name})

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; a listing may be empty although its header says otherwise."""
        if kind == "empty":
            return as_sorted({"items": []}, headers=listing.paged(len(self.held), call))
        if kind == "429":
            return as_limited(self.world.retry_after)
        if kind == "401":
            return as_sorted(failed(401, DENIED, token=["Signature has expired"]).body, 401)
        if kind == "403":
            return as_sorted(lacking("incident_api").body, 403)
        return as_sorted(SERVER_ERROR, 500)

    def is_write(self, call: Call) -> bool:
        """Answer whether the method is not GET."""
        return call.method != "GET"

    def _make_routes(self) -> list[Route]:
        places = self.places
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/health", lambda _: Reply(200, b"OK", {"content-type": HTML})),
            ("GET", "/health/version", lambda _: as_sorted(VERSION)),
            ("GET", "/api/token/whoami", self._whoami),
            ("POST", "/api/token/create", self._make_token),
            ("GET", "/api/incident", self._list),
            ("POST", "/api/incident/create", self._create),
            ("GET", ONE, self._get),
            ("POST", f"{ONE}/update", self._update),
            ("POST", f"{ONE}/delete", self._delete),
            ("POST", f"{ONE}/comment", self._comment),
            ("GET", PLACE, places.show_all),
            ("POST", f"{PLACE}/create", places.create),
            ("GET", f"{PLACE}/([0-9]+)", places.show),
            ("POST", f"{PLACE}/([0-9]+)/update", places.update),
            ("POST", f"{PLACE}/([0-9]+)/delete", places.delete),
        ]
        return [(method, re.compile(pattern), answer) for method, pattern, answer in routes]

    def _reply(self, visit: Visit) -> Reply:
        found = self._matching(visit.call.path)
        for method, match, answer in found:
            if method == visit.call.method:
                try:
                    self._guard(visit)
                    return answer(visit, *match.groups())
                except RefusedError as refused:
                    return refusal(visit.call, refused)
        return as_html("Method Not Allowed", 405) if found else self._misled(visit)

    def _matching(self, path: str) -> list[tuple[str, re.Match[str], Answer]]:
        matches = [
            (method, regex.fullmatch(path), answer) for method, regex, answer in self._routes
        ]
        return [(method, match, answer) for method, match, answer in matches if match]

    def _misled(self, visit: Visit) -> Reply:
        call = visit.call
        merged = re.sub("/+", "/", call.path)
        if merged != call.path and self._matching(merged):
            return visit.moved(f"{merged}?{call.query}".rstrip("?"), 308)
        if _is_api(call):
            return as_sorted(NOT_FOUND, 404)
        if not WEB.fullmatch(call.path):
            return as_html("Not Found", 404)
        # Without the prefix it is the web interface, which wants a form with its own secret.
        return as_html("ProdManager", 200) if call.method == "GET" else as_html("Bad Request", 400)

    def _admit(self, call: Call) -> Caller:
        authorization, cookie = call.header("authorization"), call.header("cookie")
        try:
            return self._tokens.caller(authorization, cookie, self.world.now())
        except RefusedError:
            # The limit counts by the token, before it is refused, and breaks on a bad one.
            if self._limit.quota:
                raise broken() from None
            raise

    def _guard(self, visit: Visit) -> None:
        written = WRITTEN.match(visit.call.path)
        if written and self.is_write(visit.call):
            visit.caller.permit(written[1])
            if self.locked:
                raise broken()

    def _whoami(self, visit: Visit) -> Reply:
        return as_sorted({"playload": visit.caller.payload})

    def _make_token(self, visit: Visit) -> Reply:
        return as_sorted(self._tokens.make(read_lists(visit.call)))

    def _list(self, visit: Visit) -> Reply:
        call = visit.call
        tests = listing.tests(call, self.database)
        references = listing.sent(call, "external_reference")
        rows = self._ordered() if not references else self._named(references)
        if tests:
            rows = [one for one in rows if all(test(one) for test in tests)]
        headers = listing.paged(len(rows), call)
        if self._unstable_ties:
            by_id = sorted(rows, key=attrgetter("id"))
            rows = first(by_id, math.prod(listing.window(call)), self.database.place)
        page = listing.cut(rows, call)
        items = b", ".join(one.wire(visit.base, anonymous=_is_blind(visit)) for one in page)
        return Reply(200, b'{"items": [' + items + b"]}", {"content-type": JSON, **headers})

    def _ordered(self) -> list[Incident]:
        rows = self.index.rows(self.world.now())
        if self._sorted[0] != self.index.version:
            self._sorted = (self.index.version, self._in_order(rows.values()))
        return self._sorted[1]

    def _named(self, references: list[str]) -> list[Incident]:
        rows = self.index.named(dict.fromkeys(references), self.world.now())
        return self._in_order(rows)

    def _in_order(self, rows: Iterable[Incident]) -> list[Incident]:
        return sorted(rows, key=lambda one: (self.database.place(one), one.id))

    def _get(self, visit: Visit, number: str) -> Reply:
        incident = self.find(number, "show")
        body = incident.wire(visit.base, anonymous=_is_blind(visit))
        return Reply(200, body, {"content-type": JSON})

    def _create(self, visit: Visit) -> Reply:
        values = self.form(read_form(visit.call)).create()
        has_event = self._has_event()
        incident = self.open(values, self.now(), has_event=has_event)
        return self._saved(visit, incident.id, has_event=has_event)

    def _update(self, visit: Visit, number: str) -> Reply:
        values = self.form(read_form(visit.call)).update()
        self.find(number, "update")
        left = self.meet(int(number), values)
        has_event = self._has_event()
        self.replace(self.held[int(number)], left, has_event=has_event)
        return self._saved(visit, int(number), has_event=has_event)

    def _has_event(self) -> bool:
        self._written += 1
        return not self._eventless_every or self._written % self._eventless_every != 0

    def _saved(self, visit: Visit, number: int, *, has_event: bool) -> Reply:
        if not has_event:
            # The row is committed before its event, which then could not be.
            raise broken()
        return visit.moved(f"/api/incident/{number}")

    def _delete(self, visit: Visit, number: str) -> Reply:
        read_form(visit.call)
        if int(number) not in self.held:
            # The one error whose reason is a text and not a list.
            raise failed(404, "Incident deletion failed", incident=not_found(number))
        self.delete(number)
        return visit.moved("/api/incident")

    def _comment(self, visit: Visit, number: str) -> Reply:
        form = read_form(visit.call)
        text = form.get("comment")
        if text is None or not str(text).strip():
            raise failed(400, "Incident comment failed", comment=[REQUIRED])
        if int(number) > self.database.biggest_id:
            raise broken()
        plain = check_text(str(text), takes_nul=self.database.takes_nul)
        said = event("comment", plain, self.now(), internal=_is_internal(form))
        self.say(int(number), said)
        return visit.moved(f"/api/incident/{int(number)}")


def _check(**counts: float) -> None:
    for name, count in counts.items():
        if count < 0:
            raise ValueError(f"{name} is {count}, and cannot be below 0")


def _is_api(call: Call) -> bool:
    return call.path.startswith("/api/")


def _is_blind(visit: Visit) -> bool:
    return visit.caller.is_anonymous


def _is_latin(name: str) -> bool:
    return all(ord(character) < 256 for character in name)


def _is_internal(form: dict[str, Any]) -> bool:
    # In a form everything but these is true, "0" too; in JSON null is true and 0 is not.
    value = form.get("internal", False)
    return value is None or value not in ("", "false", False)
