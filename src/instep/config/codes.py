"""The code of every mistake in a configuration, and what it means.

A code never changes its meaning, so that it can be searched for. ``E`` stops instep before it
starts, ``W`` is only said.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, str] = MappingProxyType(
    {
        "E101": "the file cannot be read",
        "E102": "unknown key",
        "E103": "not YAML",
        "E104": "a key stands twice in one mapping",
        "E105": "the file says nothing, or is not a mapping",
        "E106": "a key is missing",
        "E107": "a value of the wrong kind",
        "E108": "not a duration",
        "E109": "not a share",
        "E110": "not one of the valid values",
        "E111": "not a name",
        "E112": "a number out of range",
        "E113": "not an address",
        "E114": "unknown time zone",
        "E115": "unknown system",
        "E116": "unknown field",
        "E117": "unknown word",
        "E118": "a policy that does not fit the field",
        "E119": "an option that does not fit the type of the field",
        "E120": "two parts of the file contradict each other",
        "E121": "a template that cannot be read",
        "E122": "not a path",
        "E123": "a place that a service's records do not have, or that can only be read",
        "E124": "words that do not come back, where that is not allowed",
        "E125": "a test of the mapping fails",
        "E131": "a variable is unset or empty",
        "E132": "a secret cannot be read from its file",
        "E133": "a reference that cannot be resolved where it stands",
        "E134": "a number that can be read in two ways",
        "E135": "more values than a file can hold, or nested too deeply",
        "W201": "a secret stands in the file itself",
        "W202": "only one system: there is nothing to keep in step",
        "W203": "records are to be made in a system that is not writable",
        "W204": "a key is read and checked, but nothing acts on it yet",
        "W205": "words that do not come back",
        "W206": "a field of which nothing comes",
    }
)
