"""DevRev: its incidents, their timelines, and the lookups around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev.checks import check, parse
from instep.simulator.devrev.comments import Comments
from instep.simulator.devrev.directory import Links, Lookups, Webhooks
from instep.simulator.devrev.errors import (
    TROUBLE,
    RefusedError,
    no_route,
    unauthorized,
)
from instep.simulator.devrev.held import Held
from instep.simulator.devrev.incidents import Incidents
from instep.simulator.devrev.lookups import Directory
from instep.simulator.devrev.paging import Walks
from instep.simulator.devrev.person import as_person, seeded
from instep.simulator.devrev.shapes import CLEARED, LISTS, REQUIRED, shape_of
from instep.simulator.devrev.switches import NAMES, Switches
from instep.simulator.seed import stories
from instep.simulator.wire import Call, Reply, as_json
from instep.simulator.world import Simulator, World

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
#: What the headers say where no quota is set, and the seconds of a window (measured).
RATE_LIMIT, WINDOW = 8000, 60
WRITES = frozenset({"create", "update", "delete"})


class DevRevSimulator(Simulator):
    """DevRev's incidents, as far as a connector meets them.

    Its switches stand for what no source tells, or what differs between organisations:

    - ``require_beta_scope``: without the scope header, incidents are refused with 403.
    - ``api_versions``: the version headers that are accepted, by comma; none sent is fine.
    - ``newer``: speak the document of 2026-01 (external_record_id, display_value, more filters).
    - ``service_account``: the token is a service account's, which is no dev user.
    - ``unauthorized``: the type of a 401: unauthenticated, token_expired, token_revoked or
      dev_org_deactivated.
    - ``missing``: the status for an incident that does not exist: 404, or 400 for invalid_id.
    - ``max_body``: bytes of a request body above which the answer is 413.
    - ``default_limit``: rows of a page when no limit is sent.
    - ``max_limit``: the most rows of a page.
    - ``over_limit``: a larger limit is refused (400) or cut down (clamp).
    - ``default_sort``: the order of a list that asks for none.
    - ``empty_pages``: an empty page with a cursor comes before each page.
    - ``list_lag``: seconds by which list and group lag behind writes.
    - ``date_filters``: without it date filters are refused as unknown keys.
    - ``title_filter``: the title filter matches exact titles, or those that contains the text.
    - ``email_case``: e-mails are compared exact or folded.
    - ``totals``: groups say how many incidents they have.
    - ``group_lists``: a list field is grouped by the whole list, not by each member.
    - ``group_empty``: incidents without a value form a group whose key has no value.
    - ``sync_metadata``: a write of it is taken as merge or replace; or ignore, or refuse (403).
    - ``unique_reference``: a second incident with one external reference is refused.
    - ``transitions``: the stage diagram is enforced.
    - ``close_sets_date``: entering a final state sets actual_close_date.
    - ``comment_moves_modified``: a comment changes the incident's modified_date.
    - ``required_on_create``: fields without which a create is refused, by comma.
    - ``required_by_stage``: an incident is resolved only with the custom field tnt__rca.
    - ``nulls``: a null in a write is refused (refuse), passed over (ignore) or empties (clear).
    - ``relabelled``: the organisation has given severities labels of its own.
    - ``schema_prefixes``: schemas name custom fields with their prefix.
    - ``quota``: requests answered in each minute of the clock, 0 for no limit; then they get 429.
    """

    name = "devrev"

    def __init__(  # noqa: PLR0913 - each keyword is one switch, offered by name at the command line
        self,
        world: World,
        *,
        token: str | None = None,
        incidents: int = 8,
        require_beta_scope: bool = True,
        api_versions: str = "2022-10-20,2024-01-24",
        newer: bool = False,
        service_account: bool = False,
        unauthorized: str = "unauthenticated",
        missing: int = 404,
        max_body: int = 4_000_000,
        default_limit: int = 50,
        max_limit: int = 100,
        over_limit: str = "400",
        default_sort: str = "created_date:desc",
        empty_pages: bool = False,
        list_lag: float = 0.0,
        date_filters: bool = True,
        title_filter: str = "exact",
        email_case: str = "exact",
        totals: bool = True,
        group_lists: bool = False,
        group_empty: bool = False,
        sync_metadata: str = "merge",
        unique_reference: bool = False,
        transitions: bool = True,
        close_sets_date: bool = True,
        comment_moves_modified: bool = False,
        required_on_create: str = "",
        required_by_stage: bool = False,
        nulls: str = "refuse",
        relabelled: bool = False,
        schema_prefixes: bool = True,
        quota: int = 0,
    ) -> None:
        """Hold ``incidents`` seeded ones; ``token`` is the only one accepted, if given.

        Raises:
            ValueError: a switch has no such word.
        """
        given = locals()
        super().__init__(world)
        self._token = token
        self._switches = Switches(**{name: given[name] for name in NAMES})
        self._window = self._served = 0
        self._build()
        for story in stories(self.name, incidents, world.random, world.now()):
            self._held.seed(seeded(story), story.opened, story.changed)

    def _build(self) -> None:
        world, switches = self.world, self._switches
        directory, walks = Directory(), Walks(world.random, switches)
        lookups = Lookups(directory, walks, switches)
        self._severities = lookups.severities
        self._held = Held(world, directory, switches, lookups.severities)
        self._incidents = Incidents(self._held, directory, walks, switches, lookups.me)
        self._comments = Comments(self._held, walks, switches, lookups.me)
        self._verbs: dict[str, Answer] = {
            **self._incidents.verbs,
            **self._comments.verbs,
            **lookups.verbs,
            **Links(self._held.mention, walks).verbs,
            **Webhooks().verbs,
        }

    # The service

    def handle(self, call: Call) -> Reply:
        """Answer one request."""
        self._count()
        if 0 < self._switches.quota < self._served:
            return self._too_many(self._reset() - int(self.world.now().timestamp()))
        verb = call.path.removeprefix("/")
        try:
            self._admit(call, verb)
            status, data = self._verbs[verb](self._read(call, verb))
            # A client that has read the schema knows of its change.
            self._held.is_stale &= not verb.startswith("schemas.")
            reply = as_json(data, status)
        except RefusedError as refused:
            reply = as_json(refused.body, refused.status, headers=refused.headers)
        return Reply(reply.status, reply.body, {**reply.headers, **self._rate_headers()})

    def trouble(self, kind: str, call: Call) -> Reply:
        """Answer in trouble; 429 says how long to wait in a header and in the body."""
        if kind == "empty":
            return as_json({LISTS.get(call.path.removeprefix("/"), "incidents"): []})
        if kind == "429":
            return self._too_many(self.world.retry_after)
        refused = unauthorized(self._switches.unauthorized) if kind == "401" else TROUBLE[kind]
        return as_json(refused.body, refused.status)

    def is_write(self, call: Call) -> bool:
        """Answer whether the verb is create, update or delete."""
        return call.path.rpartition(".")[2] in WRITES

    def _admit(self, call: Call, verb: str) -> None:
        methods = {"POST"} if self.is_write(call) else {"GET", "POST"}
        if verb not in self._verbs or call.method not in methods:
            raise no_route()
        word, _, token = call.header("authorization").partition(" ")
        if word.lower() != "bearer" or not token or self._token not in {None, token}:
            raise unauthorized(self._switches.unauthorized)
        beta = verb.startswith("incidents.") and self._switches.require_beta_scope
        if beta and call.header("x-devrev-scope") != "beta":
            raise TROUBLE["403"]
        version = call.header("x-devrev-version")
        if version and version not in self._switches.api_versions.split(","):
            raise RefusedError("invalid_api_version", value=version)
        if len(call.body) > self._switches.max_body:
            raise RefusedError("request_entity_too_large", 413, "Request Entity Too Large")

    def _read(self, call: Call, verb: str) -> dict[str, Any]:
        shape = shape_of(verb, newer=self._switches.newer)
        sent = parse(call, shape)
        empty: set[str] = set()
        if verb in {"incidents.create", "incidents.update"} and self._switches.nulls != "refuse":
            empty = {key for key in sent if sent[key] is None and key in shape}
            sent = {key: value for key, value in sent.items() if key not in empty}
        body = check(sent, shape, REQUIRED.get(verb, ()))
        cleared = empty & CLEARED if self._switches.nulls == "clear" else ()
        return body | dict.fromkeys(cleared)

    def _too_many(self, wait: int) -> Reply:
        headers = {"retry-after": str(wait), **self._rate_headers()}
        return as_json(TROUBLE["429"].body | {"retry_after": wait}, 429, headers=headers)

    def _count(self) -> None:
        current = self._reset()
        if current != self._window:
            self._window, self._served = current, 0
        self._served += 1

    def _reset(self) -> int:
        return int(self.world.now().timestamp()) // WINDOW * WINDOW + WINDOW

    def _rate_headers(self) -> dict[str, str]:
        quota = self._switches.quota
        # Without a quota, what the headers name is never used up.
        left = max(quota - self._served, 0) if quota else RATE_LIMIT - self._served % RATE_LIMIT
        return {
            "x-ratelimit-limit": str(quota or RATE_LIMIT),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(self._reset()),
        }

    # A person at the web interface

    def records(self) -> list[dict[str, Any]]:
        """Answer the incidents held, oldest first, as ``incidents.get`` shows them."""
        return [incident.view for incident in self._held.all.values()]

    def ids(self) -> list[str]:
        """Answer the ids of the incidents held, oldest first."""
        return list(self._held.all)

    def add(self, **values: Any) -> str:
        """Open an incident; takes what ``edit`` takes, in any stage. Answers its id."""
        said = as_person(values, {}, self._severities)
        plain = {"title": "Something is wrong", "stage": "triage"} | said
        return self._held.open(plain, org.ANA, self.world.now()).id

    def edit(self, record_id: str | int, **changes: Any) -> None:
        """Change an incident as Ana; ``None`` empties, and no transition is refused.

        Takes ``title``, ``body``, ``severity`` and ``reported_by`` (labels), ``stage`` (name),
        dates (datetime or text), ``owned_by`` (e-mails, or names of those without one),
        ``applies_to_parts`` and ``tags`` (names), ``custom_fields``, ``subtype``,
        ``external_reference``, ``origin_system``, and what AirSync writes: ``sync_unit`` (its id)
        and ``external_record_id``.
        """
        incident = self._held.find(str(record_id))
        plain = as_person(changes, incident.values, self._severities)
        self._held.change(incident, plain, org.ANA)

    def delete(self, record_id: str | int) -> None:
        """Delete an incident; nothing of it stays."""
        self._held.delete(self._held.find(str(record_id)).id)

    def move(self, record_id: str | int) -> str:
        """Give an incident another id; the old one answers 301 from now on. Answers the new id."""
        return self._held.move(self._held.find(str(record_id)))

    def change_schema(self) -> None:
        """Change the schema: writes of custom fields fail until a client has read it again."""
        self._held.is_stale = True

    def comment(self, record_id: str | int, text: str, **more: Any) -> str:
        """Comment as Ana, by default to everybody; takes ``visibility``, ``external_ref``."""
        return self._comments.add(self._held.find(str(record_id)), org.ANA, text, **more)

    def delete_comment(self, comment_id: str) -> None:
        """Delete a comment; it stays, without a body."""
        self._comments.erase(comment_id)

    def comments(self, record_id: str | int) -> list[dict[str, Any]]:
        """Answer the comments of an incident, oldest first, as its timeline shows them."""
        return self._comments.shown(self._held.find(str(record_id)))
