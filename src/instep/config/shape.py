"""What may stand at a place of the file, as the models say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from instep.config.findings import Path
from instep.config.schema import Config, Datadog, DevRev, ProdManager

#: The models of systems, by the type that chooses them.
SYSTEMS: Mapping[str, type[BaseModel]] = {
    "devrev": DevRev,
    "datadog": Datadog,
    "prodmanager": ProdManager,
}


def keys_at(tree: Any, path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Name the keys that may stand in the mapping at a path; ``names`` are the systems'."""
    models = [kind for kind in _kinds(tree, path) if _is_model(kind)]
    found = dict.fromkeys(key for model in models for key in _keys(model))
    return (*found, *(names if any(_gathered(model) for model in models) else ()))


def is_whole_number(tree: Any, path: Path) -> bool:
    """Whether only a whole number may stand at a path."""
    return {*_kinds(tree, path)} - {type(None)} == {int}


def value_at(tree: Any, path: Path) -> Any:
    """Give what stands at a path, or nothing."""
    for step in path:
        if isinstance(tree, list) and isinstance(step, int):
            tree = tree[step] if step < len(tree) else None
        else:
            tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _kinds(tree: Any, path: Path) -> list[Any]:
    """List the types of what may stand at a path."""
    kinds: list[Any] = [Config]
    for step in path:
        within = [inner for kind in kinds for inner in _inside(kind, step)]
        tree = value_at(tree, (step,))
        kinds = [kind for kind in within if _is_meant(kind, tree)]
    return kinds


def _inside(kind: Any, step: str | int) -> Iterator[Any]:
    """Give the types of what may stand one step below."""
    if _is_model(kind):
        known = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        if step in known:
            yield from _parts(known[step])
        elif gathered := _gathered(kind):
            yield from _inside(gathered, step)
    elif get_origin(kind) is dict:
        yield from _parts(get_args(kind)[1])
    elif get_origin(kind) is tuple:
        yield from _parts(get_args(kind)[0])


def _is_meant(kind: Any, value: Any) -> bool:
    """Whether a type is meant: of systems only the one whose type is given."""
    if kind not in SYSTEMS.values():
        return True
    return isinstance(value, dict) and SYSTEMS.get(str(value.get("type"))) is kind


def _gathered(model: Any) -> Any:
    """Give the type by which a model gathers keys that are not its own, or nothing.

    They are put under a key that no file has: rules by system, and what is asked by field.
    """
    hidden = (f.annotation for f in model.model_fields.values() if (f.alias or "").startswith("\0"))
    return next((kind for kind in hidden if get_origin(kind) is dict), None)


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """Name the keys of a model as the file spells them."""
    names = (field.alias or name for name, field in model.model_fields.items())
    return (name for name in names if not name.startswith("\0"))


def _parts(kind: Any) -> Iterator[Any]:
    """Take unions apart, and leave away how types are annotated."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _parts(get_args(kind)[0])
    elif origin in (Union, UnionType):
        for part in get_args(kind):
            yield from _parts(part)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    """Whether a type is a model."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
