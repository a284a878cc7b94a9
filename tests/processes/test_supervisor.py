"""The end of the supervisor; the whole of it is run in tests/integration/test_lifecycle.py."""

from types import SimpleNamespace

from httptee.http.endpoint import Endpoint, Listen
from httptee.processes.start import prepare
from httptee.processes.supervisor import Supervisor
from httptee.settings.settings import Settings

SETTINGS = Settings(listen=Listen("127.0.0.1", 0), a=Endpoint.parse("127.0.0.1:1"), processes=2)


class Stuck:
    """A generation whose processes never end."""

    ended, killed = False, 2

    def __init__(self, looks):
        self.looks = looks
        self.retired = self.left = False

    @property
    def unending(self):
        self.looks -= 1
        return self.looks < 0

    def retire(self):
        self.retired = True

    def collect(self):
        """None has ended."""

    def kill_overdue(self, at_once):
        """They are killed, and do not end."""

    def leave(self):
        self.left = True


def test_the_end_does_not_wait_for_processes_that_never_end():
    supervisor = Supervisor(prepare(SETTINGS, lambda: SETTINGS))
    stuck = Stuck(looks=2)
    supervisor._current = SimpleNamespace(settings=SETTINGS)
    supervisor._generations = lambda: [stuck]
    supervisor._stop()
    assert stuck.retired
    assert stuck.left
