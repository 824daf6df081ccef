"""The error that matters among those that happened side by side."""

from __future__ import annotations

from collections.abc import Iterator

from instep.errors import InstepError, LedgerError


def foremost(error: BaseException) -> BaseException:
    """Give the error inside groups that decides what happens next; else the error as it is.

    Systems are heard in a task group, which wraps whatever one of them raises. The ledger's
    error comes first, since it stops everything.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    found = list(_leaves(error))
    ours = [each for each in found if isinstance(each, InstepError)]
    if len(ours) < len(found):
        # A bug among them: it must not hide behind an error that is expected.
        return next((each for each in ours if isinstance(each, LedgerError)), error)
    return next((each for each in ours if isinstance(each, LedgerError)), ours[0])


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors of a group that are not groups."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error
