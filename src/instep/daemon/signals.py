"""Signals: who takes them while the daemon runs, and nobody before and after."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager


@contextmanager
def handled(
    numbers: Collection[signal.Signals], handler: Callable[[signal.Signals], None]
) -> Iterator[None]:
    """Handle signals for a while, and leave no handler behind."""
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        loop.add_signal_handler(number, handler, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number])


@contextmanager
def hangups(handler: Callable[[], None]) -> Iterator[None]:
    """Handle SIGHUP for a while; to be used where others are ``handled``, which wakes the loop.

    Where it was blocked it is let through meanwhile, and what was sent before comes in now. The
    loop's own way to handle it would leave it deadly for a moment in the end.
    """
    loop = asyncio.get_running_loop()
    coming: list[asyncio.Handle] = []

    def take() -> None:
        coming.clear()
        handler()

    def hang_up(*_: object) -> None:
        # In a flood one is taken for all: a signal may come in while another is handled here.
        if not coming:
            coming.append(loop.call_soon_threadsafe(take))

    # A full pipe wakes the loop as well; to warn of it, Python takes a lock in the very handler,
    # and in a flood it may hold that already: then it stands still for ever.
    signal.set_wakeup_fd(signal.set_wakeup_fd(-1), warn_on_full_buffer=False)
    before = signal.signal(signal.SIGHUP, hang_up)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGHUP, before)
