"""What holds for all tests."""

import gc
import signal
from collections.abc import Iterator

import hypothesis
import pytest

# The first example may take longer than the usual 0.2 s on a busy machine: no test is to depend on time.
hypothesis.settings.register_profile("at leisure", deadline=None)
hypothesis.settings.load_profile("at leisure")
pytest.register_assert_rewrite("tests.support")  # assertions in the helpers explain themselves, too


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of every later collection of garbage: a look through them takes some 0.3 s."""
    gc.collect()
    gc.freeze()


_SIGNALS = [getattr(signal, f"SIG{name}") for name in ("HUP", "INT", "TERM", "USR1", "USR2", "CHLD", "WINCH")]


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Put back what a program under test has set: a forked child with its handler of SIGTERM would not end by it."""
    handlers = [(number, signal.getsignal(number)) for number in _SIGNALS]
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    for number, handler in handlers:
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
