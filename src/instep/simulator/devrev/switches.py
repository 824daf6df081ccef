"""What no source tells of DevRev, or what differs between organisations: one switch each."""

from __future__ import annotations

from dataclasses import dataclass, fields

#: switch -> the words that it may say.
WORDS = {
    "over_limit": ("400", "clamp"),
    "sync_metadata": ("merge", "replace", "ignore", "refuse"),
    "nulls": ("refuse", "ignore", "clear"),
    "email_case": ("exact", "folded"),
    "title_filter": ("exact", "contains"),
    "unauthorized": ("unauthenticated", "token_expired", "token_revoked", "dev_org_deactivated"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """The switches of one double; ``DevRevSimulator`` says what each of them does."""

    require_beta_scope: bool
    api_versions: str
    newer: bool
    service_account: bool
    unauthorized: str
    missing: int
    max_body: int
    default_limit: int
    max_limit: int
    over_limit: str
    default_sort: str
    empty_pages: bool
    list_lag: float
    date_filters: bool
    title_filter: str
    email_case: str
    totals: bool
    group_lists: bool
    group_empty: bool
    sync_metadata: str
    unique_reference: bool
    transitions: bool
    close_sets_date: bool
    comment_moves_modified: bool
    required_on_create: str
    required_by_stage: bool
    nulls: str
    relabelled: bool
    schema_prefixes: bool
    quota: int

    def __post_init__(self) -> None:
        """Refuse what no switch can say.

        Raises:
            ValueError: a switch has no such word or number.
        """
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise ValueError(f"{name} is none of {', '.join(words)}: {getattr(self, name)!r}")
        if self.missing not in {400, 404}:
            raise ValueError(f"missing is neither 404 nor 400: {self.missing}")
        for name in ("max_body", "default_limit", "max_limit"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is less than 1: {getattr(self, name)}")
        if self.quota < 0:
            raise ValueError(f"quota is less than 0: {self.quota}")


NAMES = frozenset(one.name for one in fields(Switches))
