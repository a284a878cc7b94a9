"""A recording on a disk that becomes full, and has room again."""

import pytest

from httptee.recording import read_recording
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.disks import fill, small_disk
from tests.support.net import eventually, free_port

from .test_recording import balanced, said, tee

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_full_disk_costs_records_that_are_counted_and_named_until_it_has_room_again(tmp_path, processes):
    admin = free_port()
    with small_disk(tmp_path / "disk") as disk, Backend() as a:
        filler = fill(disk)
        words = ("-record.min-free", "0", "-admin", f"127.0.0.1:{admin}")
        with tee(a, disk, *words, processes=processes) as running:
            for _ in range(5):
                assert ask(running.port, "POST", body=bytes(20_000)).status == 200
            found = balanced(admin)
            assert (found["seen"], found["recorded"], found["not_recorded"]) == (5, 0, 5)
            filler.unlink()

            def records() -> bool:
                assert ask(running.port, "POST", body=bytes(20_000)).status == 200
                return bool(said(admin)["recorded"])

            eventually(records)
            found = balanced(admin)
            assert found["seen"] == len(a.requests)
        recording = read_recording([disk])
        assert recording.count == found["recorded"]
        assert sum(gap.lost for gap in recording.gaps) == found["not_recorded"]
