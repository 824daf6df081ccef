"""Secrets: references in the file, resolved after it was parsed.

A reference stands for a whole value, so that what it resolves to can hold any character and
still not change the structure of the file. No message ever shows what one resolves to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from instep.config.findings import Finding, Path

#: Keys of a system whose value is a secret.
SECRET_KEYS = frozenset({"token", "api_key", "app_key", "bearer"})
#: Keys whose value is not shown either: addresses can hold a password.
_ADDRESSES = frozenset({"ledger", "url", "app_url"})
#: Stands where a secret could not be resolved, so that the rest of the file can still be checked.
_UNRESOLVED = "unresolved"

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_BARE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)(/.*)?")


class _Unusable(Exception):
    """A reference leads nowhere; it never leaves this module, it becomes a finding."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        """Keep what the finding will say."""
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


@dataclass(slots=True)
class Resolver:
    """Replaces the references in a tree and notes what is wrong with them.

    ``hidden`` are the values that no message may show, each with what can be shown instead.
    """

    environ: Mapping[str, str]
    folder: File
    findings: list[Finding] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)

    def walk(self, value: Any, path: Path = ()) -> Any:
        """Give back the same tree with its references resolved."""
        if isinstance(value, dict):
            return {key: self.walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.walk(item, (*path, i)) for i, item in enumerate(value)]
        return self._text(value, path) if isinstance(value, str) else value

    def _text(self, text: str, path: Path) -> str:
        """Resolve one value if it is a reference; note a secret that stands in the file."""
        try:
            found = self._reference(text, hidden=_hidden(path))
        except _Unusable as error:
            self.findings.append(Finding(error.code, error.message, path, error.hint))
            return _UNRESOLVED
        if found is not None:
            self.hidden[found] = text
            self._sendable(found, path)
            return found
        if text and _secret(path):
            self.findings.append(_literal(path))
            self.hidden[text] = "***"
            self._sendable(text.rstrip("\r\n"), path)
            return text.rstrip("\r\n")
        if path == ("ledger",) and re.match(r"[\w+]+://[^/@]*:[^/@]+@", text):
            message = "the password of the ledger stands in the file itself"
            self.findings.append(Finding("W201", message, path, 'write ledger: "${LEDGER}"'))
        return text

    def _sendable(self, secret: str, path: Path) -> None:
        """Note a secret that no header of a request can carry."""
        if _secret(path) and not (secret.isascii() and secret.isprintable()):
            message = f'"{path[-1]}" holds a line break or a letter beyond ASCII'
            hint = "it could not be sent; was it copied as it is?"
            self.findings.append(Finding("E107", message, path, hint))

    def _reference(self, text: str, *, hidden: bool) -> str | None:
        """Follow a reference; ``None`` if the text is not one."""
        if whole := _VARIABLE.fullmatch(text):
            return self._variable(whole[1])
        if inside := _VARIABLE.search(text):
            hint = f'make the whole value "{inside[0]}" and put the rest into the variable'
            raise _Unusable("E133", f"{inside[0]} stands inside a longer text", hint)
        if not hidden:
            return None
        if text.startswith("file:"):
            return _content(self.folder / text.removeprefix("file:"), text)
        if text.startswith("credential:"):
            return self._credential(text)
        if bare := _BARE.fullmatch(text):
            hint = f'write "credential:{bare[2][1:]}"' if bare[2] else f'write "${{{bare[1]}}}"'
            raise _Unusable("E133", f"${bare[1]} is not how a variable is named here", hint)
        return None

    def _variable(self, name: str) -> str:
        """Read a variable; one that is empty is as good as none."""
        value = self.environ.get(name, "").rstrip("\r\n")
        if value:
            return value
        state = "set but empty" if name in self.environ else "not set"
        raise _Unusable("E131", f"{name} is {state}", f"export {name}=..., or use file:PATH")

    def _credential(self, text: str) -> str:
        """Read a file from the directory in which systemd puts a unit's credentials."""
        name = text.removeprefix("credential:")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name in (".", ".."):
            raise _Unusable("E133", "a credential is one plain name", "use file:PATH for a path")
        folder = self.environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder:
            hint = f"systemd sets it for a unit with LoadCredential={name}:PATH"
            raise _Unusable("E131", "CREDENTIALS_DIRECTORY is not set", hint)
        return _content(File(folder) / name, text)


def _content(file: File, reference: str) -> str:
    """Read a secret from its file, without the line end that editors leave."""
    try:
        value = file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise _Unusable("E132", f"{reference} cannot be read: {why}", f"looked at {file}") from None
    if not value:
        raise _Unusable("E132", f"{reference} is empty", f"looked at {file}")
    return value


def _secret(path: Path) -> bool:
    """Whether the value at the path is a system's secret."""
    return len(path) == 3 and path[0] == "systems" and path[2] in SECRET_KEYS


def is_private(path: Path) -> bool:
    """Whether a value at the path is not shown: a secret, an address, or what a system is."""
    is_system = len(path) == 2 and path[0] == "systems"
    return is_system or any(step in SECRET_KEYS | _ADDRESSES for step in path)


def _hidden(path: Path) -> bool:
    """Whether the value may come from a file: secrets, and addresses that can hold one."""
    return _secret(path) or path in (("ledger",), ("heartbeat", "url"))


def _literal(path: Path) -> Finding:
    """Warn of a secret that everyone who can read the file can read."""
    system, key = str(path[1]), str(path[2])
    name = f"{system}_{key}".upper().replace("-", "_")
    hint = f'write "${{{name}}}" or file:PATH, and replace the secret if the file was shared'
    return Finding("W201", f'the {key} of "{system}" stands in the file itself', path, hint)
