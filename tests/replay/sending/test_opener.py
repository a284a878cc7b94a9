import select

import pytest

from httptee.errors import UpstreamConnectError
from httptee.replay.sending.opener import Opener


class Upstream:
    def __init__(self, *results):
        self.results = list(results)

    def connect(self, timeout):
        found = self.results.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


def opened(opener, count):
    found = []
    while len(found) < count:
        assert select.select([opener.wake], [], [], 10)[0]
        opener.ready(lambda owner, result: found.append((owner, result)))
    return found


def test_a_connection_is_opened_for_its_owner():
    opener = Opener(Upstream("a connection"), 1.0)
    opener.open("owner")
    assert opener.opening == 1
    assert opened(opener, 1) == [("owner", "a connection")]
    assert opener.opening == 0
    opener.close()


@pytest.mark.parametrize("error", [UpstreamConnectError("refused"), ConnectionRefusedError()])
def test_a_failure_is_handed_over(error):
    opener = Opener(Upstream(error), 1.0)
    opener.open(1)
    ((_, result),) = opened(opener, 1)
    assert result.reason == "connect"
    opener.close()


def test_many_are_opened_by_few_threads():
    opener = Opener(Upstream(*range(50)), 1.0, threads=2)
    for owner in range(50):
        opener.open(owner)
    assert sorted(owner for owner, _ in opened(opener, 50)) == list(range(50))
    opener.close()


def test_nothing_is_ready_at_first():
    opener = Opener(Upstream(), 1.0)
    opener.ready(lambda owner, result: pytest.fail("nothing was opened"))
