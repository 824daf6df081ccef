"""The DevRev verbs around incidents: schemas, stages, people, parts, tags and links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from instep.simulator.devrev import lookups as org
from instep.simulator.devrev import schema
from instep.simulator.devrev.checks import choose
from instep.simulator.devrev.errors import (
    TROUBLE,
    RefusedError,
    missing,
    not_found,
    not_permitted,
    other_kind,
)
from instep.simulator.devrev.lookups import Directory, Thing
from instep.simulator.devrev.paging import Walks
from instep.simulator.devrev.switches import Switches

Body = dict[str, Any]
Answer = tuple[int, dict[str, Any]]
LINK_TYPES = (
    *("custom_link", "developed_with", "imports", "is_analyzed_by", "is_converted_to"),
    *("is_dependent_on", "is_duplicate_of", "is_follow_up_of", "is_merged_into", "is_parent_of"),
    *("is_part_of", "is_related_to", "serves"),
)
#: Which types two incidents may be linked by is not documented: assumed.
BETWEEN_INCIDENTS = ("is_dependent_on", "is_duplicate_of", "is_parent_of", "is_related_to")


class Lookups:
    """What a client asks to turn names into ids."""

    def __init__(self, directory: Directory, walks: Walks, switches: Switches) -> None:
        """Answer for the organisation in ``directory``."""
        self._directory = directory
        self._walks = walks
        self._switches = switches
        self.verbs: dict[str, Callable[[Body], Answer]] = {
            "schemas.aggregated.get": self._schema,
            "schemas.stock.get": self._stock,
            "schemas.custom.list": self._fragments,
            "schemas.subtypes.list": self._subtypes,
            "stage-diagrams.get": self._diagram,
            "stage-diagrams.list": self._plain(schema.diagrams),
            "stages.custom.list": self._plain(schema.stages),
            "states.custom.list": self._plain(schema.states),
            "dev-users.self": self._self,
            "dev-users.list": self._users,
            "parts.list": self._parts,
            "tags.list": self._tags,
            "tags.create": self._tag,
        }

    @property
    def me(self) -> Thing:
        """Answer who the token belongs to."""
        return org.SERVICE if self._switches.service_account else org.BOT

    @property
    def severities(self) -> Mapping[int, str]:
        """Answer the labels of severities."""
        return org.RELABELLED if self._switches.relabelled else org.SEVERITIES

    def _schema(self, body: Body) -> Answer:
        self._check_leaf(body)
        view = schema.aggregated(
            body,
            prefixed=self._switches.schema_prefixes,
            severities=self.severities,
            cause=self._switches.required_by_stage,
        )
        return 200, {"schema": view}

    def _check_leaf(self, body: Body) -> None:
        if body.get("leaf_type", "incident") != "incident":
            raise not_found()

    def _stock(self, body: Body) -> Answer:
        self._check_leaf(body)
        if body.get("id", schema.STOCK_FRAGMENT) != schema.STOCK_FRAGMENT:
            raise not_found()
        return 200, {"fragment": schema.stock_fragment()}

    def _fragments(self, body: Body) -> Answer:
        prefixed = self._switches.schema_prefixes
        items, cursors = self._walks.page(body, lambda: schema.fragments(body, prefixed=prefixed))
        return 200, {"result": items, **cursors}

    def _subtypes(self, body: Body) -> Answer:
        leaves = body.get("leaf_types", [body["leaf_type"]] if "leaf_type" in body else [])
        return 200, {"subtypes": schema.subtypes(leaves)}

    def _diagram(self, body: Body) -> Answer:
        for one in schema.diagrams({}):
            if one["id"] == body.get("id") or one["leaf_type"] == body.get("leaf_type"):
                return 200, {"stage_diagram": one}
        raise not_found()

    def _plain(self, rows: Callable[[Body], list[Body]]) -> Callable[[Body], Answer]:
        return lambda body: (200, self._walks.plain("result", body, lambda: rows(body)))

    def _self(self, _: Body) -> Answer:
        if self._switches.service_account:
            # The verb is for dev users; how others are refused is assumed.
            raise TROUBLE["403"]
        return 200, {"dev_user": org.person(self.me)}

    def _users(self, body: Body) -> Answer:
        for state in body.get("state", ()):
            choose(state, org.USER_STATES, "state")
        folded = self._switches.email_case == "folded"
        wanted = {_folded(one, folded) for one in body.get("email", ())}
        found = [
            org.person(user)
            for user in self._directory.of("dev_user")
            if ("email" not in body or _folded(user.email, folded) in wanted)
            and user.state in body.get("state", [user.state])
            and not body.get("external_identity")
        ]
        return self._page("dev_users", body, found)

    def _parts(self, body: Body) -> Answer:
        for kind in body.get("type", ()):
            choose(kind, org.PART_KINDS, "type")
        above = body.get("parent_part", {}).get("parts")
        found = [
            part.summary()
            for part in self._directory.of(*org.PART_KINDS)
            if part.name in body.get("name", [part.name])
            and part.kind in body.get("type", [part.kind])
            and (above is None or part.parent in above)
            # Nobody owns a part here, and nobody is told to have made one.
            and not (body.get("owned_by") or body.get("created_by"))
        ]
        return self._page("parts", body, found)

    def _tags(self, body: Body) -> Answer:
        found = [
            _tag_view(tag)
            for tag in self._directory.of("tag")
            if tag.name in body.get("name", [tag.name])
        ]
        return self._page("tags", body, found)

    def _tag(self, body: Body) -> Answer:
        tags = self._directory.of("tag")
        if body["name"] in {tag.name for tag in tags}:
            raise not_permitted("name", "names of tags are unique")
        number = 9 + len(tags)
        values = tuple(body.get("allowed_values", ()))
        made = Thing("tag", f"{org.CORE}:tag/{number}", f"TAG-{number}", body["name"], values)
        self._directory.add(made)
        return 201, {"tag": _tag_view(made)}

    def _page(self, key: str, body: Body, found: list[Body]) -> Answer:
        items, cursors = self._walks.page(body, lambda: found)
        return 200, {key: items, **cursors}


def _folded(email: str, folded: bool) -> str:  # noqa: FBT001 - one word in two places above
    return email.casefold() if folded else email


def _tag_view(tag: Thing) -> dict[str, Any]:
    return tag.summary() | {"allowed_values": list(tag.values)}


class Links:
    """The links between objects; ``find`` tells what an id names."""

    def __init__(self, find: Callable[[str, str], Thing], walks: Walks) -> None:
        """Begin without links."""
        self._find = find
        self._walks = walks
        self._links: list[tuple[str, Thing, Thing]] = []
        self.verbs: dict[str, Callable[[Body], Answer]] = {
            "links.create": self._create,
            "links.list": self._list,
        }

    def _create(self, body: Body) -> Answer:
        kind = choose(body["link_type"], LINK_TYPES, "link_type")
        source, target = (self._find(body[key], key) for key in ("source", "target"))
        if {source.kind, target.kind} != {"incident"} or kind not in BETWEEN_INCIDENTS:
            # A type that does not fit the pair gives no more than this (observed).
            raise RefusedError("bad_request")
        self._links.append((kind, source, target))
        return 201, {"link": self._view(len(self._links), kind, source, target)}

    def _list(self, body: Body) -> Answer:
        owner = self._find(body["object"], "object")
        way = choose(body.get("direction", "any"), ("is_source", "is_target", "any"), "direction")
        found = [
            self._view(number, *link)
            for number, link in enumerate(self._links, 1)
            if link[0] == body.get("link_type", link[0]) and _touches(link, owner, way)
        ]
        items, cursors = self._walks.page(body, lambda: found)
        return 200, {"links": items, **cursors}

    def _view(self, number: int, kind: str, source: Thing, target: Thing) -> Body:
        ends = {"source": source.summary(), "target": target.summary()}
        return {"id": f"{org.CORE}:link/{number}", "link_type": kind, **ends}


def _touches(link: tuple[str, Thing, Thing], owner: Thing, way: str) -> bool:
    _, source, target = link
    return (way != "is_target" and source.id == owner.id) or (
        way != "is_source" and target.id == owner.id
    )


class Webhooks:
    """Registered webhooks; nothing is delivered to them."""

    def __init__(self) -> None:
        """Begin without any."""
        self._hooks: dict[str, Body] = {}
        self._number = 0
        self.verbs: dict[str, Callable[[Body], Answer]] = {
            "webhooks.create": self._create,
            "webhooks.get": lambda body: (200, {"webhook": self._one(body)}),
            "webhooks.update": self._update,
            "webhooks.delete": self._delete,
            "webhooks.list": lambda _: (200, {"webhooks": list(self._hooks.values())}),
        }

    def _one(self, body: Body) -> Body:
        if body["id"] in self._hooks:
            return self._hooks[body["id"]]
        raise not_found() if body["id"].startswith(org.INTEGRATION) else other_kind("id")

    def _create(self, body: Body) -> Answer:
        self._number += 1
        don = f"{org.INTEGRATION}:webhook/{self._number}"
        # A verify type joins those asked for, silently (observed).
        types = sorted({*body.get("event_types", ()), "verify"})
        made = {"id": don, "status": "unverified", "secret": f"c2VjcmV0LW51bWJlci0{self._number}"}
        self._hooks[don] = made | _checked(body) | {"event_types": types}
        return 201, {"webhook": self._hooks[don]}

    def _update(self, body: Body) -> Answer:
        hook = dict(self._one(body))
        changes = body.get("event_types", {})
        types = set(changes.get("set", hook["event_types"])) | set(changes.get("add", ()))
        hook |= _checked(body)
        hook["event_types"] = sorted((types - set(changes.get("remove", ()))) | {"verify"})
        if {"url", "secret"} & body.keys():
            hook["status"] = "unverified"
        elif "action" in body:
            action = choose(body["action"], ("activate", "deactivate"), "action")
            hook["status"] = "active" if action == "activate" else "inactive"
        self._hooks[body["id"]] = hook
        return 200, {"webhook": hook}

    def _delete(self, body: Body) -> Answer:
        self._one(body)
        del self._hooks[body["id"]]
        return 200, {}


def _checked(body: Body) -> Body:
    if "url" in body and not body["url"]:
        raise missing("url")
    if not 8 <= len(body.get("secret", "8 bytes.").encode()) <= 32:
        raise not_permitted("secret", "between 8 and 32 bytes")
    return {key: body[key] for key in ("url", "secret") if key in body}
