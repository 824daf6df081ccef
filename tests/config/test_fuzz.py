"""Whatever stands in a file, instep says what is wrong with it and never falls over it.

Every mutant has a number, and is the same each time: ``mutant(1234)`` shows the text of one.
"""

from __future__ import annotations

import asyncio
import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from instep.app import able, connect
from instep.cli.show import render_error
from instep.config import CODES, Config, load, unit_of, unwritable
from instep.config.drafts import drafts
from instep.config.positions import read
from instep.errors import ConfigError
from tests.config.broken import ENVIRON

HERE = Path(__file__).parent
BASES = [(HERE.parents[1] / "config.example.yaml").read_text(), (HERE / "full.yaml").read_text()]
TREES = [read(text).tree for text in BASES]
#: Each with a text of its own, so that it can be told in what is said.
SECRETS = {name: f"canary-{name}" for name in (*ENVIRON, "BEARER")}
VARIABLES = SECRETS | {"EMPTY": "", "COUNT": "010", "WORD": "high", "SPAN": "5m"}
COUNT, BLOCK = 2_000, 200

SCALARS: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        0,
        3,
        10**15,
        2**64,
        -(10**400),
        0.5,
        1e300,
        "",
        " ",
        "x",
        "off",
        "no",
    ),
    *("010", "08", "1:30", "~", "null", ".nan", "60s", "0s", "30%", "choice", "union", "highest"),
    *("${COUNT}", "${WORD}", "${SPAN}", "${EMPTY}", "${NOWHERE}", "a ${WORD}", "$WORD", "file:."),
    *(
        "credential:x",
        "{title}",
        "{",
        "{title!r}",
        "a.b[0]",
        'fields["x"]',
        "[",
        "devrev",
        "datadog",
    ),
    *(
        "status",
        "title",
        "severity",
        "critical",
        "prefer",
        "2026-11-22",
        "\0",
        "\ud800",
        "\x1b[31m",
    ),
    *(
        "x" * 5000,
        "9" * 5000,
        "é\N{FIRE}",
        "\u202e",
        "<<",
        "https://u:p@x",
        "sqlite:///\0",
        "Paris",
    ),
]
KEYS = [
    *("type", "on_conflict", "values", "path", "words", "from", "when", "set", "any", "all", "not"),
    *(
        "at_least",
        "devrev",
        "datadog",
        "status",
        "title",
        "severity",
        "<<",
        "",
        "x",
        "\0rules",
        "1",
    ),
    *("token", "url", "poll", "limits", "given", "sent", "template", "const", "${EMPTY}", "~", "-"),
]
SIGNS = "ab:{}[],'\"#&*!|>-%@`?<= \n\t\r\0\x85\u2028\ufeffé\N{FIRE}01$~._\\/"
SNIPPETS = [
    *(
        "<<: *few\n",
        "&a ",
        "*a ",
        "*few",
        "!!int ",
        "!!set ",
        "!x ",
        "---\n",
        "...\n",
        "%YAML 1.3\n",
    ),
    *(
        "? ",
        "- ",
        ": ",
        "|\n",
        ">-\n",
        "${",
        "0755",
        "1:30",
        "{{",
        "[[[",
        "]]",
        '"\\ud800"',
        "~: 1\n",
    ),
]


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Make a value of any kind."""
    kind = chance.random()
    if depth > 2 or kind < 0.6:
        return chance.choice(SCALARS)
    if kind < 0.8:
        return [anything(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind < 0.82:
        return json.loads("[" * 70 + "]" * 70)
    return {chance.choice(KEYS): anything(chance, depth + 1) for _ in range(chance.randrange(4))}


def parts(tree: Any) -> list[tuple[Any, Any]]:
    """List every place of a tree: what holds it, and its key or index there."""
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree)
    found = []
    for step, part in list(steps):
        found.append((tree, step))
        if isinstance(part, (dict, list)):
            found += parts(part)
    return found


def replace(chance: random.Random, tree: Any) -> None:
    """Put any value in the place of another."""
    whole, step = chance.choice(parts(tree))
    whole[step] = anything(chance)


def drop(chance: random.Random, tree: Any) -> None:
    """Take a part out."""
    whole, step = chance.choice(parts(tree))
    del whole[step]


def rename(chance: random.Random, tree: Any) -> None:
    """Give a key another name: a wrong one, or one with a slip."""
    whole, step = chance.choice([(w, s) for w, s in parts(tree) if isinstance(w, dict)])
    slip = step[:1] + step[2:] + step[1:2]
    whole[chance.choice([slip, step.upper(), *KEYS])] = whole.pop(step)


def move(chance: random.Random, tree: Any) -> None:
    """Put a copy of a part in the place of another, or beside it."""
    places = parts(tree)
    (source, key), (whole, step) = chance.choice(places), chance.choice(places)
    part = copy.deepcopy(source[key])
    if isinstance(whole, dict) and isinstance(key, str) and chance.random() < 0.5:
        whole[key] = part
    else:
        whole[step] = part


def wrap(chance: random.Random, tree: Any) -> None:
    """Make a list or a mapping of a part."""
    whole, step = chance.choice(parts(tree))
    part = whole[step]
    whole[step] = chance.choice([[part], [part, part], {"x": part}, {str(step): part}, str(part)])


SHAPES: list[Callable[[random.Random, Any], None]] = [replace, replace, rename, move, wrap]
SHAPES += [drop] * 4


def structural(chance: random.Random) -> str:
    """Change the shape of a base, and spell it as one line or as many."""
    tree = copy.deepcopy(chance.choice(TREES))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        if tree:
            chance.choice(SHAPES)(chance, tree)
    if chance.random() < 0.5:
        return json.dumps(tree, indent=chance.choice([None, 2]))
    return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=chance.random() < 0.5))


def textual(chance: random.Random) -> str:
    """Change the letters and lines of a base."""
    text = chance.choice(BASES)
    for _ in range(chance.choice([0, 1, 1, 3])):
        at = chance.randrange(len(text) + 1)
        end = min(at + chance.choice([0, 0, 1, 1, 3, 20]), len(text))
        new = chance.choice([*SNIPPETS, "", "".join(chance.choices(SIGNS, k=chance.randint(1, 4)))])
        text = text[:at] + new + text[end:]
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    match chance.randrange(8):
        case 0:
            lines.insert(at, chance.choice(lines))
        case 1:
            lines[at] = chance.choice(["\t", " ", "    "]) + lines[at]
        case 2:
            lines[at] = lines[at].lstrip()
        case 3:
            lines = [*lines[:at], lines[at][: chance.randrange(len(lines[at]))]]
        case 4:
            del lines[at]
    return "".join(lines).replace("\n", chance.choice(["\n", "\n", "\n", "\r\n", "\r"]))


def scribbled(chance: random.Random) -> str:
    """Make a text of signs that mean something in YAML."""
    return "".join(chance.choice([*SIGNS, *SNIPPETS]) for _ in range(chance.randint(0, 40)))


#: How mutants are made, in turn: half of them in their shape, nearly half in their text.
WAYS = [structural, textual] * 4 + [structural, scribbled]


def mutant(number: int) -> bytes:
    """Make the mutant of a number."""
    chance = random.Random(number)
    raw = WAYS[number % len(WAYS)](chance).encode("utf-8", "surrogatepass")
    if raw and chance.random() < 0.05:
        at = chance.randrange(len(raw))
        raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    return raw


async def works(config: Config) -> None:
    """Make of a configuration what the commands make of it, and close what was opened."""
    unit = unit_of(config)
    assert drafts(config).keys() == unit.fields.keys()
    unwritable(unit)
    systems = connect(config, {})
    able(unit, systems)
    for system in systems.values():
        await system.close()


def tells(error: ConfigError) -> None:
    """See that each problem has a code, a place in the text and a sentence of our own."""
    lines = error.text.split("\n")
    assert error.problems
    for problem in error.problems:
        assert problem.code in CODES
        assert problem.code.startswith("E")
        assert problem.message
        assert (problem.message + problem.hint + problem.path).isprintable()
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert "Input should" not in problem.message
        assert "canary" not in problem.message + problem.hint
    assert render_error(error).count("\n\n") > len(error.problems)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, COUNT, BLOCK))
def test_a_changed_configuration_works_or_says_what_is_wrong(first: int, tmp_path: Path) -> None:
    """Each mutant makes a unit and its connectors, or is told apart with places and codes."""
    file = tmp_path / "instep.yaml"
    loaded = 0
    for number in range(first, first + BLOCK):
        file.write_bytes(mutant(number))
        try:
            config = load(file, VARIABLES)
        except ConfigError as error:
            tells(error)
        else:
            asyncio.run(works(config))
            loaded += 1
    # Were all of them wrong, or all of them right, nothing would be found out.
    assert BLOCK / 20 < loaded < BLOCK / 2
