"""What holds for all tests: helpers' assertions explain themselves, and no test leaves a signal's handler to the next."""

import signal
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("tests.support")

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD, signal.SIGWINCH)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Put back what a program under test has set: a forked child that inherits a handler of SIGTERM does not end by it."""
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in handlers:
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
