"""Every error of instep, sorted by what happens next.

::

    InstepError
    ├── UsageError          wrong arguments; nothing was started           exit 2
    ├── ConfigError         stop before anything starts                    exit 2
    ├── WorldMoved          a plan no longer fits; nothing was written     exit 4
    ├── LedgerError         stop the daemon                                exit 5
    ├── SideError           stop this side, the others go on               exit 3
    │   ├── Denied            credentials or a permission were refused
    │   │   └── Forbidden       it knows the credentials, and does not let them do this
    │   └── Unreachable       no usable answer; ``unclear`` if a write may have happened
    └── RecordError         hold this record, the others go on
        ├── Rejected          the service refused what was sent
        └── Gone              the service says, in its own words, that there is no such record

An error's docstring is its message when none is given. ``advice`` is the next thing to do,
for a person; it never holds a secret.
"""

from __future__ import annotations

from dataclasses import dataclass


class InstepError(Exception):
    """Something went wrong."""

    exit_code = 70
    kind = "bug"

    def __init__(self, message: str = "", *, advice: str = "") -> None:
        """Keep ``message`` (default: the docstring) and the ``advice`` that goes with it."""
        self.message = message or (type(self).__doc__ or "").partition("\n")[0]
        self.advice = advice
        super().__init__(self.message)

    @property
    def told(self) -> str:
        """The message, and what to do about it where that is known."""
        return f"{self.message}; {self.advice}" if self.advice else self.message


class UsageError(InstepError):
    """The command was called in a way that it does not understand."""

    exit_code = 2
    kind = "usage"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the configuration: what, where, and what would be right."""

    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""
    code: str = ""


class ConfigError(InstepError):
    """The configuration is wrong; nothing was started."""

    exit_code = 2
    kind = "config"

    def __init__(self, problems: tuple[Problem, ...], *, source: str = "", text: str = "") -> None:
        """Keep all ``problems`` found in ``source`` and its ``text``, for showing the lines."""
        super().__init__(f"{len(problems)} problem(s) in {source or 'the configuration'}")
        self.problems = problems
        self.source = source
        self.text = text


class WorldMoved(InstepError):
    """The world moved since the plan was made; nothing was written."""

    exit_code = 4
    kind = "moved"


class LedgerError(InstepError):
    """The ledger is unusable; it was left as it is."""

    exit_code = 5
    kind = "ledger"


class SideError(InstepError):
    """A system could not be used."""

    exit_code = 3
    kind = "system"

    def __init__(
        self, message: str = "", *, system: str = "", advice: str = "", unclear: bool = False
    ) -> None:
        """Name the ``system``; ``unclear`` says that a write may have happened all the same."""
        super().__init__(message, advice=advice)
        self.system = system
        self.unclear = unclear


class Denied(SideError):
    """The system refused the credentials or a permission."""


class Forbidden(Denied):
    """The system knows the credentials, and does not let them do this."""


class Unreachable(SideError):
    """The system gave no usable answer."""


class RecordError(InstepError):
    """One record could not be dealt with."""

    kind = "record"

    def __init__(
        self, message: str = "", *, system: str = "", record: str = "", advice: str = ""
    ) -> None:
        """Name the ``system`` and the ``record`` (its id there, where it has one)."""
        super().__init__(message, advice=advice)
        self.system = system
        self.record = record


class Rejected(RecordError):
    """The service refused what was sent; nothing was changed."""


class Gone(RecordError):
    """The service says that there is no such record."""
