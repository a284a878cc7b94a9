import threading

import pytest

from httptee.errors import ClientGone, CutOff
from httptee.http.cancellation import Cancellation


def test_a_cancellation_shuts_the_connection_that_is_attached_once():
    calls = []
    cancellation = Cancellation()
    cancellation.attach(lambda: calls.append("shut"))
    cancellation.cancel()
    cancellation.cancel()
    assert calls == ["shut"]


def test_a_connection_that_was_detached_is_not_shut():
    calls = []
    cancellation = Cancellation()
    cancellation.attach(lambda: calls.append("shut"))
    cancellation.detach()
    cancellation.cancel()
    assert calls == []


@pytest.mark.parametrize("reason", [ClientGone, CutOff])
def test_nothing_can_be_attached_afterwards_and_the_first_reason_stays(reason):
    cancellation = Cancellation()
    assert repr(cancellation) == "<Cancellation [free]>"
    cancellation.cancel(reason)
    cancellation.cancel(CutOff)
    cancellation.cancel(ClientGone)
    with pytest.raises(reason):
        cancellation.attach(lambda: pytest.fail("never attached"))
    assert repr(cancellation) == f"<Cancellation [{reason.reason}]>"


def test_while_a_connection_is_being_shut_it_cannot_be_detached_and_so_not_be_used_by_another_request():
    """The other thread tries to detach in the middle of the shutdown: it must wait for the end of it."""
    log = []
    detaching = threading.Event()
    cancellation = Cancellation()

    def detach():
        detaching.set()
        cancellation.detach()
        log.append("detached")

    other = threading.Thread(target=detach)

    def shut():
        log.append("shutdown begins")
        other.start()
        assert detaching.wait(10)
        other.join(0.1)  # long enough for it to detach, if nothing stopped it
        log.append("shutdown ends")

    cancellation.attach(shut)
    cancellation.cancel()
    other.join(10)
    assert log == ["shutdown begins", "shutdown ends", "detached"]
