"""ProdManager: incidents on a public status page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from instep.simulator import prodmanager_incident as shape
from instep.simulator import prodmanager_list as listing
from instep.simulator.prodmanager_held import Holder, not_found, places
from instep.simulator.prodmanager_incident import Form, Incident, event
from instep.simulator.prodmanager_text import (
    FORBIDDEN,
    NOT_FOUND,
    SERVER_ERROR,
    RefusedError,
    dump,
    failed,
    read_form,
)
from instep.simulator.wire import HTML, JSON, Call, Reply, as_html

if TYPE_CHECKING:
    from instep.simulator.world import World

Answer = Callable[..., Reply]
LONGEST_LINE = 4094
DENIED = "Token validation failed"


class ProdManagerSimulator(Holder):
    """ProdManager 0.22.0 on SQLite, as observed.

    ``timezone`` is the server machine's own. ``unstable_ties`` shuffles equal sort keys by
    page, as PostgreSQL does; ``can_write`` says whether tokens have the permission to write.
    """

    name = "prodmanager"

    def __init__(
        self,
        world: World,
        *,
        token: str | None = None,
        incidents: int = 8,
        timezone: str = "UTC",
        unstable_ties: bool = False,
        can_write: bool = True,
    ) -> None:
        """Hold ``incidents`` seeded ones; ``token`` is the only one accepted, if given."""
        super().__init__(world, timezone)
        self._token = token
        self._unstable_ties = unstable_ties
        self._can_write = can_write
        self._sorted: tuple[int, list[Incident]] = (-1, [])
        self._routes = self._make_routes()
        self.seed(incidents)

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        if len(f"{call.method} {call.path}?{call.query} HTTP/1.1") > LONGEST_LINE:
            return as_html("Bad Request: Request Line is too large", 400)
        try:
            name = self._admit(call)
            reply = self._route(call)
        except RefusedError as refused:
            if not call.path.startswith("/api/"):
                return as_html(str(refused), refused.status)
            return _json(refused.body, refused.status)
        return Reply(reply.status, reply.body, {**reply.headers, **name})

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; a listing may be empty although its header says otherwise."""
        if kind == "empty":
            _, headers = listing.page(list(self.held.values()), call)
            return _json({"items": []}, headers=headers)
        if kind == "429":
            wait = {"retry-after": str(self.world.retry_after)}
            return _json({"message": "API rate limit has been reached"}, 429, wait)
        if kind == "401":
            return _json(failed(401, DENIED, token=["Signature has expired"]).body, 401)
        return _json(SERVER_ERROR, 500)

    def is_write(self, call: Call) -> bool:
        """Answer whether the method is not GET."""
        return call.method != "GET"

    def _make_routes(self) -> list[tuple[str, re.Pattern[str], Answer]]:
        one = "/api/incident/([0-9]+)"
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/health", lambda _: Reply(200, b"OK", {"content-type": HTML})),
            ("GET", "/api/token/whoami", self._whoami),
            ("GET", "/api/incident", self._list),
            ("POST", "/api/incident/create", self._create),
            ("GET", one, self._get),
            ("POST", f"{one}/update", self._update),
            ("POST", f"{one}/delete", self._delete),
            ("POST", f"{one}/comment", self._comment),
            ("GET", "/api/(scope|service)", self._list_places),
            ("GET", "/api/(scope|service)/([0-9]+)", self._get_place),
        ]
        return [(method, re.compile(pattern), answer) for method, pattern, answer in routes]

    def _route(self, call: Call) -> Reply:
        matches = [(m, p.fullmatch(call.path), answer) for m, p, answer in self._routes]
        found = [(method, match, answer) for method, match, answer in matches if match]
        for method, match, answer in found:
            if method == call.method:
                return answer(call, *match.groups())
        if found:
            return as_html("Method Not Allowed", 405)
        if call.path.startswith("/api/"):
            raise RefusedError(404, NOT_FOUND)
        # Without the prefix it is the web interface, which wants a form with its own secret.
        return as_html("ProdManager", 200) if call.method == "GET" else as_html("Bad Request", 400)

    def _admit(self, call: Call) -> dict[str, str]:
        header = call.header("authorization")
        if header:
            word, _, token = header.partition(" ")
            if not word or not token.strip():
                reason = "Token has not the right format or type. expected : <word> <token>"
                raise failed(401, DENIED, token=[reason])
            if self._token not in {None, token}:
                raise failed(401, DENIED, token=["Signature verification failed"])
        if self.is_write(call) and call.path.startswith("/api/"):
            self._permit(call)
        return {"x-username": "connector-dev"} if header else {}

    def _permit(self, call: Call) -> None:
        if not call.header("authorization"):
            raise RefusedError(403, FORBIDDEN)
        if not self._can_write:
            reason = "Token doesn't have enought permissions. expected : incident_api"
            raise failed(403, "API permission denied", token=[reason])

    def _whoami(self, call: Call) -> Reply:
        permissions = ["incident_api"] if self._can_write else []
        payload = {"name": "connector-dev", "exp": 4102444800, "permissions": permissions}
        return _json({"playload": payload if call.header("authorization") else None})

    def _list(self, call: Call) -> Reply:
        tests = listing.tests(call)
        references = listing.sent(call, "external_reference")
        rows = self._ordered() if not references else self._named(references)
        if tests:
            rows = [one for one in rows if all(test(one) for test in tests)]
        if self._unstable_ties:
            rows = listing.shuffled(rows, call)
        page, headers = listing.page(rows, call)
        anonymous, base = not call.header("authorization"), _base(call)
        items = b", ".join(one.wire(base, anonymous=anonymous) for one in page)
        return Reply(200, b'{"items": [' + items + b"]}", {"content-type": JSON, **headers})

    def _ordered(self) -> list[Incident]:
        rows = self.index.rows(self.world.now())
        if self._sorted[0] != self.index.version:
            ordered = sorted(rows.values(), key=lambda one: (one.place, one.id))
            self._sorted = (self.index.version, ordered)
        return self._sorted[1]

    def _named(self, references: list[str]) -> list[Incident]:
        rows = self.index.named(dict.fromkeys(references), self.world.now())
        return sorted(rows, key=lambda one: (one.place, one.id))

    def _get(self, call: Call, number: str) -> Reply:
        incident = self.find(number, "show")
        anonymous = not call.header("authorization")
        body = incident.wire(_base(call), anonymous=anonymous)
        return Reply(200, body, {"content-type": JSON})

    def _create(self, call: Call) -> Reply:
        incident = self.open(Form(read_form(call), self.now()).create(), self.now())
        return _moved(call, f"/api/incident/{incident.id}")

    def _update(self, call: Call, number: str) -> Reply:
        values = Form(read_form(call), self.now()).update()
        self.replace(self.find(number, "update"), values)
        return _moved(call, f"/api/incident/{int(number)}")

    def _delete(self, call: Call, number: str) -> Reply:
        read_form(call)
        if int(number) not in self.held:
            # The one error whose reason is a text and not a list.
            raise failed(404, "Incident deletion failed", incident=not_found(number))
        self.delete(number)
        return _moved(call, "/api/incident")

    def _comment(self, call: Call, number: str) -> Reply:
        form = read_form(call)
        text = form.get("comment")
        if text is None or not str(text).strip():
            raise failed(400, "Incident comment failed", comment=[shape.REQUIRED])
        internal = _is_internal(form) if "internal" in form else False
        said = event("comment", str(text), self.now(), internal=internal)
        self.say(int(number), said)
        return _moved(call, f"/api/incident/{int(number)}")

    def _list_places(self, call: Call, kind: str) -> Reply:
        known = sorted(places(kind).items(), key=lambda place: place[1])
        page, headers = listing.page(known, call)
        items = [self._place(call, kind, number) for number, _ in page]
        return _json({"items": items}, headers=headers)

    def _get_place(self, call: Call, kind: str, number: str) -> Reply:
        if int(number) not in places(kind):
            message = f"{kind.capitalize()} show failed"
            raise failed(404, message, **{kind: [not_found(number)]})
        return _json(self._place(call, kind, int(number)))

    def _place(self, call: Call, kind: str, number: int) -> dict[str, Any]:
        base, name = _base(call), places(kind)[number]
        links = {
            what: f"{base}/api/{what[:-1]}?{kind}={number}"
            for what in ("incidents", "maintenances", "monitors")
        }
        return {
            "id": number,
            "name": name,
            "description": f"{name} {kind}",
            "incidents_count": sum(one.values[kind] == number for one in self.held.values()),
            "maintenances_count": 0,
            "monitors_count": {"alert": 0, "ok": 0, "warning": 0},
            "links": links | {"self": f"{base}/api/{kind}/{number}"},
        }


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, dump(data), {"content-type": JSON, **(headers or {})})


def _base(call: Call) -> str:
    scheme = call.header("x-forwarded-proto") or call.scheme
    return f"{scheme}://{call.header('host')}"


def _moved(call: Call, path: str) -> Reply:
    page = as_html("Redirecting...", 302)
    return Reply(302, page.body, {**page.headers, "location": _base(call) + path})


def _is_internal(form: dict[str, Any]) -> bool:
    # In a form everything but these is true, "0" too; in JSON null is true and 0 is not.
    value = form["internal"]
    return value is None or value not in ("", "false", False)
