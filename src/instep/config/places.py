"""Places: whether a path names something that a service's records have, and that can be written."""

from __future__ import annotations

from collections.abc import Iterator

from instep.config.findings import Finding, Path, closest, suggest
from instep.config.presets import preset
from instep.core.paths import Places, first, steps


def place_fits(
    place: str, service: str, path: Path, *, writes: bool, on_key: bool = False
) -> Iterator[Finding]:
    """Check a place in the records of a type of service, which stands there as a key or a value."""
    try:
        steps(place)
    except ValueError as error:
        hint = 'such as fields.region, owners[0].name or custom_fields["eu.west"]'
        yield Finding("E122", f"this is not a path: {error}", path, hint, on_key=on_key)
        return
    known = preset(service).places
    if not known.has(place):
        message = f'a {service} record has no "{place}"'
        yield Finding("E123", message, path, _meant(place, known), on_key=on_key)
    elif writes and not known.writes(place):
        message = f'"{place}" of a {service} record can only be read'
        hint = "take it out" if on_key else 'write "direction: in" beside it'
        yield Finding("E123", message, path, hint, on_key=on_key)


def _meant(place: str, known: Places) -> str:
    """Say which place was probably meant, or else which there are."""
    if place in known.under:
        return f"such as {place}.region"
    begins = first(place)
    if near := closest(begins, known.write | known.read | known.under):
        return f'did you mean "{place.replace(begins, near, 1)}"?'
    return suggest("", sorted(known.write | known.read | {f"{name}.NAME" for name in known.under}))
