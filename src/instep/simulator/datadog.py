"""Datadog Incident Management."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from instep.simulator import datadog_config as config
from instep.simulator import datadog_org as org
from instep.simulator.datadog_held import Holder
from instep.simulator.datadog_search import envelope, matches, pagination
from instep.simulator.datadog_writes import (
    CREATE,
    IMPORT,
    PATCH,
    RefusedError,
    Writer,
    data_of,
    generic,
)
from instep.simulator.wire import HTML, JSON, Call, Reply, as_json

if TYPE_CHECKING:
    from instep.simulator.datadog_incident import Incident
    from instep.simulator.world import World

Answer = Callable[..., Reply]
RATE_LIMIT = 1000
MAX_PAGE = 100
DEFAULT_PAGE = 25
JSON_API = "application/vnd.api+json"
ONE = "/api/v2/incidents/([^/]+)"
TROUBLE = {
    "500": RefusedError("Internal Server Error", 500),
    "401": RefusedError("Unauthorized", 401),
    "429": RefusedError("Too many requests", 429),
}


class DatadogSimulator(Holder):
    """Datadog's incidents, as far as a connector meets them.

    ``token`` is the application key, or the OAuth token, that is accepted. Switches for what
    no source tells: ``search_lag``, seconds by which search lags behind writes (that it lags is
    observed); ``ignores_unknown``, whether unknown attributes and fields are dropped instead of
    refused; ``reopening_clears_resolved``; ``allows_delete``. ``extra_fields`` are more custom
    fields of the default type, by name, each with its type's name.
    """

    name = "datadog"

    def __init__(
        self,
        world: World,
        *,
        token: str | None = None,
        incidents: int = 8,
        search_lag: float = 2.0,
        ignores_unknown: bool = False,
        reopening_clears_resolved: bool = True,
        allows_delete: bool = True,
        extra_fields: Mapping[str, str] | None = None,
    ) -> None:
        """Hold ``incidents`` seeded ones."""
        types = {**org.FIELDS, **(extra_fields or {})}
        super().__init__(world, types, search_lag, clears=reopening_clears_resolved)
        self._token = token
        self._allows_delete = allows_delete
        self._writer = Writer(types, ignores_unknown=ignores_unknown)
        self._served = 0
        self._routes = self._make_routes()
        self.seed(incidents)

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        try:
            reply = self._route(call)
        except RefusedError as refused:
            reply = as_json({"errors": refused.errors}, refused.status, kind=refused.kind)
        return Reply(reply.status, reply.body, {**reply.headers, **self._rate_headers()})

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; 429 says in seconds when to come back."""
        if kind == "empty" and call.path.endswith("/search"):
            return Reply(200, envelope([], 0, 0, self.types), {"content-type": JSON})
        if kind == "empty":
            return self._page([], 0)
        refused = TROUBLE[kind]
        headers = self._rate_headers()
        if kind == "429":
            wait = str(self.world.retry_after)
            headers |= {"x-ratelimit-remaining": "0", "x-ratelimit-reset": wait}
        return as_json({"errors": refused.errors}, refused.status, headers=headers)

    def is_write(self, call: Call) -> bool:
        """Answer whether the method is not GET."""
        return call.method != "GET"

    def _make_routes(self) -> list[tuple[str, re.Pattern[str], Answer]]:
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/api/v2/incidents", self._list),
            ("POST", "/api/v2/incidents", self._create),
            ("GET", "/api/v2/incidents/search", self._search),
            ("POST", "/api/v2/incidents/import", self._import),
            ("GET", "/api/v2/incidents/config/user-defined-fields", self._fields),
            ("GET", "/api/v2/incidents/config/types", config.types),
            ("GET", "/api/v2/incidents/config/types/([^/]+)", config.one_type),
            ("GET", f"{ONE}/attachments", self._list_attachments),
            ("POST", f"{ONE}/attachments", self._attach),
            ("DELETE", f"{ONE}/attachments/([^/]+)", self._detach),
            ("GET", ONE, self._get),
            ("PATCH", ONE, self._patch),
            ("DELETE", ONE, self._delete),
            ("GET", "/api/v2/users", config.users),
            ("GET", "/api/v2/users/([^/]+)", config.one_user),
            ("GET", "/api/v2/permissions", config.permissions),
        ]
        return [(method, re.compile(pattern), answer) for method, pattern, answer in routes]

    def _route(self, call: Call) -> Reply:
        if call.path in config.VALIDATE:
            return config.validate(call)
        self._admit(call)
        for method, pattern, answer in self._routes:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                return answer(call, *match.groups())
        raise RefusedError("Not Found", 404)

    def _admit(self, call: Call) -> None:
        word, _, bearer = call.header("authorization").partition(" ")
        app_key = call.header("dd-application-key")
        has_keys = bool(app_key and call.header("dd-api-key"))
        if not has_keys and not (word.lower() == "bearer" and bearer):
            raise TROUBLE["401"]
        if self._token is not None and self._token not in {app_key if has_keys else "", bearer}:
            raise RefusedError("Forbidden", 403)

    def _rate_headers(self) -> dict[str, str]:
        self._served += 1
        return {
            "x-ratelimit-limit": str(RATE_LIMIT),
            "x-ratelimit-period": "60",
            "x-ratelimit-remaining": str(RATE_LIMIT - self._served % RATE_LIMIT),
            "x-ratelimit-reset": str(60 - int(self.world.now().timestamp()) % 60),
            "x-ratelimit-name": "incidents",
        }

    def _list(self, call: Call) -> Reply:
        size, offset = _paging(call)
        page = [self.held[one] for one in self.order[offset : offset + size]]
        return self._page(page, offset, config.included(call.param("include") or "", page))

    def _page(self, page: list[Incident], offset: int, included: list[Any] | None = None) -> Reply:
        body: dict[str, Any] = {"data": [incident.wire for incident in page]}
        if included:
            body["included"] = included
        return as_json(body | {"meta": {"pagination": pagination(offset, len(page))}})

    def _get(self, call: Call, incident_id: str) -> Reply:
        incident = self.find(incident_id)
        included = config.included(call.param("include") or "", [incident])
        return as_json({"data": incident.wire} | ({"included": included} if included else {}))

    def _search(self, call: Call) -> Reply:
        query = call.param("query")
        if not query:
            raise RefusedError("query is required")
        size, offset = _paging(call)
        test = matches(query, self.types)
        rows = self.index.rows(self.world.now()).values()
        found = [row for row in rows if not row.is_test and test(row)]
        # Within one second the order is arbitrary: here, that of the ids.
        found.sort(key=lambda row: (row.created.replace(microsecond=0), row.id))
        if call.param("sort") != "created":
            found.reverse()
        return Reply(200, envelope(found, offset, size, self.types), {"content-type": JSON})

    def _create(self, call: Call) -> Reply:
        changes = self._writer.read(data_of(call.body), CREATE)
        if not {"title", "customer_impacted"} <= changes.keys():
            raise RefusedError("title and customer_impacted are required")
        if changes["customer_impacted"] and not changes.get("customer_impact_scope"):
            raise RefusedError("customer_impact_scope is required when customer_impacted is true")
        incident = self.open(changes, org.BOT)
        return as_json({"data": incident.as_created()}, 201)

    def _import(self, call: Call) -> Reply:
        changes = self._writer.read(data_of(call.body), IMPORT)
        if "title" not in changes:
            raise RefusedError("title is required")
        if changes.get("resolved") and changes.get("fields", {}).get("state") not in org.DONE:
            raise RefusedError("resolved needs the state resolved")
        incident = self.open(changes, org.BOT, str(self._random_id()))
        return as_json({"data": incident.as_imported()}, 201, kind=JSON_API)

    def _patch(self, call: Call, incident_id: str) -> Reply:
        before = self.find(incident_id)
        data = data_of(call.body)
        if data.get("id") != incident_id:
            raise RefusedError("data.id does not match the path")
        after = self.change(before, self._writer.read(data, PATCH), org.BOT)
        return as_json({"data": after.as_patched(before)})

    def _delete(self, _: Call, incident_id: str) -> Reply:
        self.find(incident_id)
        if not self._allows_delete:
            raise RefusedError("Forbidden", 403)
        self.delete(incident_id)
        return Reply(204, b"", {"content-type": HTML})

    def _fields(self, call: Call) -> Reply:
        return config.fields(call, self.types)

    def _list_attachments(self, call: Call, incident_id: str) -> Reply:
        incident = self._attachable(incident_id)
        return config.attachments(call, incident)

    def _attach(self, call: Call, incident_id: str) -> Reply:
        incident = self._attachable(incident_id)
        data = data_of(call.body, "incident_attachments")
        made = config.attachment(data, str(self._random_id()), self.world.now())
        # Whether this moves `modified` is not known: here it does not.
        self.keep(replace(incident, attachments=(*incident.attachments, made)))
        related = config.attached(made, incident_id)
        return as_json({"data": related, "included": [org.BOT.included()]}, 201, kind=JSON_API)

    def _detach(self, _: Call, incident_id: str, attachment_id: str) -> Reply:
        incident = self._attachable(incident_id)
        kept = tuple(one for one in incident.attachments if one["id"] != attachment_id)
        if kept == incident.attachments:
            raise generic("attachment not found")
        self.keep(replace(incident, attachments=kept))
        return Reply(204)

    def _random_id(self) -> UUID:
        return UUID(int=self.world.random.getrandbits(128), version=4)

    def _attachable(self, incident_id: str) -> Incident:
        try:
            UUID(incident_id)
        except ValueError:
            raise generic("malformed incident ID") from None
        if incident_id not in self.held:
            raise generic("incident not found")
        return self.held[incident_id]


def _paging(call: Call) -> tuple[int, int]:
    try:
        size = int(call.param("page[size]") or DEFAULT_PAGE)
        offset = int(call.param("page[offset]") or 0)
    except ValueError:
        raise RefusedError("page[size] and page[offset] must be integers") from None
    # What happens above the documented maximum is not known: here it is refused.
    if not 0 < size <= MAX_PAGE or offset < 0:
        raise RefusedError(f"page[size] must be between 1 and {MAX_PAGE}")
    return size, offset
