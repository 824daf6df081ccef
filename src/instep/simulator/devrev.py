"""DevRev: its incidents and the lookups around them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from instep.simulator import devrev_checks as checks
from instep.simulator import devrev_lookups as org
from instep.simulator import devrev_query as query
from instep.simulator.devrev_checks import LISTS, TROUBLE, RefusedError, read_body
from instep.simulator.devrev_incident import Incident, Values, check_sync, encode
from instep.simulator.devrev_person import as_person, full, seeded
from instep.simulator.index import Index
from instep.simulator.seed import Story, stories
from instep.simulator.wire import Call, Reply, as_json
from instep.simulator.world import Simulator, World

if TYPE_CHECKING:
    import orjson

Answer = Callable[[Call], tuple[int, Any]]
RATE_LIMIT = 8000


class DevRevSimulator(Simulator):
    """DevRev's incidents, as far as a connector meets them.

    Switches for what no source tells: ``require_beta_scope`` (without the header, 403);
    ``list_lag``, seconds by which list and group lag behind writes; ``sync_metadata``, what an
    update of it does (``merge``, ``replace``, ``ignore`` or ``refuse``); ``transitions``,
    whether the stage diagram is enforced; ``missing``, the status for an incident that does not
    exist (404, or 400 for ``invalid_id``).
    """

    name = "devrev"

    def __init__(
        self,
        world: World,
        *,
        token: str | None = None,
        incidents: int = 8,
        require_beta_scope: bool = True,
        list_lag: float = 0.0,
        sync_metadata: str = "merge",
        transitions: bool = True,
        missing: int = 404,
    ) -> None:
        """Hold ``incidents`` seeded ones; ``token`` is the only one accepted, if given."""
        super().__init__(world)
        self._token = token
        self._require_beta_scope = require_beta_scope
        self._sync_mode = sync_metadata
        self._transitions = transitions
        self._missing = missing
        self._held: dict[str, Incident] = {}
        self._number = 0
        self._served = 0
        self._index: Index[Incident] = Index(list_lag, lambda row: row.reference)
        self._walks = query.Walks(world.random)
        self._routes = self._make_routes()
        for story in stories(self.name, incidents, world.random, world.now()):
            self._seed(story)

    # The service

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        try:
            self._admit(call)
            status, data = self._routes[call.path](call)
            reply = as_json(data, status)
        except RefusedError as refused:
            reply = as_json(refused.body, refused.status)
        return Reply(reply.status, reply.body, {**reply.headers, **self._rate_headers()})

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; 429 says how long to wait in a header and in the body."""
        if kind == "empty":
            return as_json({LISTS.get(call.path.lstrip("/"), "incidents"): []})
        refused = TROUBLE[kind]
        if kind != "429":
            return as_json(refused.body, refused.status)
        wait = self.world.retry_after
        headers = {"retry-after": str(wait), **self._rate_headers()}
        return as_json(refused.body | {"retry_after": wait}, 429, headers=headers)

    def is_write(self, call: Call) -> bool:
        """Answer whether the verb is create, update or delete."""
        return call.path.rpartition(".")[2] in {"create", "update", "delete"}

    def _admit(self, call: Call) -> None:
        writes = self.is_write(call)
        if call.path not in self._routes or call.method not in (
            {"POST"} if writes else {"GET", "POST"}
        ):
            missing = RefusedError("", 404)
            missing.body = {"message": "route not found"}
            raise missing
        word, _, token = call.header("authorization").partition(" ")
        if word.lower() != "bearer" or not token or self._token not in {None, token}:
            raise TROUBLE["401"]
        beta = call.path.startswith("/incidents.") and self._require_beta_scope
        if beta and call.header("x-devrev-scope") != "beta":
            raise RefusedError("forbidden", 403, "Forbidden")

    def _rate_headers(self) -> dict[str, str]:
        self._served += 1
        return {
            "x-ratelimit-limit": str(RATE_LIMIT),
            "x-ratelimit-remaining": str(RATE_LIMIT - self._served % RATE_LIMIT),
            "x-ratelimit-reset": str(int(self.world.now().timestamp()) // 60 * 60 + 60),
        }

    def _make_routes(self) -> dict[str, Answer]:
        schema = {"leaf_type": "text", "custom_schema_spec": {"subtype": "text", "apps": ["text"]}}
        leaf = {"leaf_type": "text", "id": "text"}

        def fixed(shape: checks.Shape, key: str, value: Any) -> Callable[[Call], tuple[int, Any]]:
            return lambda call: (
                (200, {key: value}) if read_body(call, shape) is not None else (0, 0)
            )

        return {
            "/incidents.get": self._get,
            "/incidents.create": self._create,
            "/incidents.update": self._update,
            "/incidents.delete": self._delete,
            "/incidents.list": self._list,
            "/incidents.group": self._group,
            "/schemas.aggregated.get": fixed(schema, "schema", org.schema()),
            "/stage-diagrams.get": fixed(leaf, "stage_diagram", org.diagram()),
            "/dev-users.self": fixed({}, "dev_user", org.person(org.BOT)),
            "/stages.custom.list": self._list_stages,
            "/dev-users.list": partial(self._list_things, "dev_users", "email", org.USERS),
            "/parts.list": partial(self._list_things, "parts", "name", org.PARTS),
            "/tags.list": partial(self._list_things, "tags", "name", org.TAGS),
        }

    def _get(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, {"id": "text"}, "id")
        return 200, {"incident": self._find(body["id"]).wire}

    def _create(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, checks.CREATE, "title")
        options = checks.options(body, "allow_non_start")
        if "stage" not in body.get("stage", {"stage": ""}):
            raise RefusedError("missing_required_field", field_name="stage.stage")
        values = {"stage": "triage"} | encode(body)
        if values["stage"] != "triage" and self._transitions and not options:
            raise RefusedError("bad_request")
        incident = self._open(values | self._synced({}, body), org.BOT, self.world.now())
        return 201, {"incident": incident.wire}

    def _update(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, checks.UPDATE, "id")
        options = checks.options(body, "allow_invalid_transition")
        incident = self._find(body["id"])
        changes = encode(body)
        before, after = incident.values["stage"], changes.pop("stage", None)
        if after:
            allowed = after == before or after in org.STAGES[before][1]
            if self._transitions and not allowed and not options:
                raise RefusedError("bad_request")
            changes["stage"] = after
        if "custom_fields" in changes:
            changes["custom_fields"] = {
                **incident.values.get("custom_fields", {}),
                **changes["custom_fields"],
            }
        synced = self._synced(incident.values, body)
        return 200, {"incident": self._change(incident, changes | synced, org.BOT).wire}

    def _delete(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, {"id": "text"}, "id")
        self.delete(self._find(body["id"]).id)
        return 200, {}

    def _synced(self, values: Values, body: dict[str, Any]) -> dict[str, Any]:
        if "sync_metadata" not in body or self._sync_mode == "ignore":
            return {}
        if self._sync_mode == "refuse":
            raise RefusedError("forbidden", 403, "Forbidden")
        sync = check_sync(body["sync_metadata"])
        kept = values.get("sync_metadata", {}) if self._sync_mode == "merge" else {}
        return {"sync_metadata": {**kept, **sync}}

    def _list(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, checks.LIST)
        limit = query.count(body, "limit", 50)
        ids, cursors = self._walks.page(body, limit, lambda: [row.id for row in self._look(body)])
        return 200, {"incidents": self._wires(ids), **cursors}

    def _group(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, checks.GROUP, "group_by")
        limit = query.count(body, "limit", 10)
        most = query.count(body, "limit_per_group", 50)
        found, cursors = self._walks.page(
            body, limit, lambda: query.group(self._look(body), body["group_by"])
        )
        groups = []
        for key, ids in found:
            entry = {"key": key, "incidents": self._wires(ids[:most]), "total": len(ids)}
            if len(ids) > most:
                # How such a cursor is used is told nowhere; here no call takes it.
                entry["next_cursor"] = f"{self.world.random.getrandbits(64):016x}"
            groups.append(entry)
        return 200, {"groups": groups, **cursors}

    def _look(self, body: dict[str, Any]) -> list[Incident]:
        now = self.world.now()
        references = body.get("sync_metadata", {}).get("external_reference")
        rows = (
            self._index.rows(now).values()
            if references is None
            else self._index.named(dict.fromkeys(references), now)
        )
        return query.order(query.select(rows, body, now), body.get("sort_by", []))

    def _wires(self, ids: list[str]) -> list[orjson.Fragment]:
        rows = self._index.rows(self.world.now())
        return [rows[one].wire for one in ids if one in rows]

    def _list_stages(self, call: Call) -> tuple[int, Any]:
        body = read_body(call, checks.PAGING | {"name": ["text"], "ordinal": ["number"]})
        return 200, {"result": org.stages(body.get("name"))}

    def _list_things(
        self, key: str, by: str, things: list[org.Thing], call: Call
    ) -> tuple[int, Any]:
        names = {by: ["text"], "state": ["text"], "type": ["text"]}
        body = read_body(call, checks.PAGING | names)
        found = [
            org.tag_view(thing) if thing.kind == "tag" else thing.summary()
            for thing in things
            if by not in body or thing.name in body[by]
        ]
        for field, wanted in ((field, body[field]) for field in ("state", "type") if field in body):
            found = [one for one in found if one.get(field) in wanted]
        items, cursors = self._walks.page(body, query.count(body, "limit", 50), lambda: found)
        return 200, {key: items, **cursors}

    # What it holds

    def _find(self, key: str) -> Incident:
        prefix = f"{org.CORE}:incident/"
        don = prefix + key.removeprefix("INC-") if key.startswith("INC-") else key
        if don in self._held:
            return self._held[don]
        if key in org.THINGS or key in org.STAGE_NAMES:
            raise RefusedError("unexpected_id_type", field_name="id")
        if not don.removeprefix(prefix).isdigit() or self._missing != 404:
            raise checks.invalid_id("id")
        raise RefusedError("not_found", 404, "Not Found")

    def _open(self, values: dict[str, Any], author: org.Thing, at: datetime) -> Incident:
        self._number += 1
        at = checks.to_ms(at)
        made = {
            "created_by": author,
            "created_date": at,
            "modified_by": author,
            "modified_date": at,
        }
        if org.is_final(values["stage"]):
            made["actual_close_date"] = at
        return self._keep(Incident(self._number, full(made | values)))

    def _change(self, old: Incident, changes: dict[str, Any], author: org.Thing) -> Incident:
        # A frozen clock must not hide a change, so each one moves the date.
        tick = timedelta(milliseconds=1)
        at = max(checks.to_ms(self.world.now()), old.values["modified_date"] + tick)
        values = {**old.values, "modified_date": at, "modified_by": author}
        closes = org.is_final(changes.get("stage", "triage"))
        if closes and not org.is_final(old.values["stage"]):
            # That entering a final state sets this date, and leaving it does not, is assumed.
            values["actual_close_date"] = at
        return self._keep(Incident(old.number, full(values | changes)))

    def _keep(self, incident: Incident) -> Incident:
        self._held[incident.id] = incident
        # With a frozen clock a date may lie ahead of it; the index must not wait for that.
        self._index.put(
            incident.id, incident, min(self.world.now(), incident.values["modified_date"])
        )
        return incident

    def _seed(self, story: Story) -> None:
        incident = self._open(seeded(story), org.ANA, story.opened)
        changed = {**incident.values, "modified_date": checks.to_ms(story.changed)}
        self._keep(Incident(incident.number, changed))

    # A person at the web interface

    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, as ``incidents.get`` shows them."""
        return [incident.view for incident in self._held.values()]

    def ids(self) -> list[str]:
        """Answer the ids of the incidents held, oldest first."""
        return list(self._held)

    def add(self, **values: Any) -> str:
        """Open an incident; takes what ``edit`` takes, in any stage. Answers its id."""
        plain = {"title": "Something is wrong", "stage": "triage"} | as_person(values, {})
        return self._open(plain, org.ANA, self.world.now()).id

    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Change an incident as Ana; ``None`` empties, and no transition is refused.

        Takes ``title``, ``body``, ``severity`` (label), ``stage`` (name), dates (datetime or
        text), ``owned_by`` (e-mails), ``applies_to_parts`` (names), ``custom_fields``,
        ``external_reference`` and ``origin_system``.
        """
        incident = self._find(str(record_id))
        self._change(incident, as_person(changes, incident.values), org.ANA)

    def delete(self, record_id: str | int) -> None:
        """Delete an incident; nothing of it stays."""
        incident = self._find(str(record_id))
        del self._held[incident.id]
        self._index.put(incident.id, None, self.world.now())
