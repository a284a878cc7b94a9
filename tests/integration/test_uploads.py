"""Uploads that stop, and uploads for which there is no room: what they cost, and what their clients get."""

from __future__ import annotations

import resource
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.net import eventually
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

MB = 1024 * 1024


def upload(port: int, size: int, stop: int = 0) -> bytes:
    """A POST of so many bytes, without the last `stop` of them."""
    return request_bytes("POST", body=bytes(size))[: -stop or None]


def assert_not_stored(tee: Tee, record: Path, before: int) -> None:
    """An upload of 2 MB gets 507, and the access log says why; a small one is answered."""
    with RawClient(tee.port) as client:
        client.send(upload(tee.port, 2 * MB))
        answer = client.answer("POST")
    assert (answer.status, answer.value("X-Httptee-Error")) == (507, "body_storage")
    eventually(lambda: record.read_text().count(" 507 ") == before + 1)
    assert record.read_text().count("refused:body_storage") == before + 1
    assert ask(tee.port, "POST", body=b"small").status == 200


def test_507_where_the_disk_takes_no_more_or_the_directory_is_gone(tmp_path: Path) -> None:
    directory, record = tmp_path / "bodies", tmp_path / "access.log"
    directory.mkdir()
    options = ("-processes", "1", "-access-log", str(record), "-a.stream-from", "0")
    with (
        Backend() as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, *options, env={"TMPDIR": str(directory)}) as tee,
    ):
        assert ask(tee.port, "POST", body=bytes(2 * MB)).status == 200
        _, hard = resource.prlimit(tee.program.pid, resource.RLIMIT_FSIZE, (MB, resource.RLIM_INFINITY))
        assert_not_stored(tee, record, before=0)
        resource.prlimit(tee.program.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert ask(tee.port, "POST", body=bytes(2 * MB)).status == 200
        shutil.rmtree(directory)
        assert_not_stored(tee, record, before=1)
        assert [len(request.body) for request in a.requests] == [2 * MB, 5, 2 * MB, 5]
        (ledger,) = tee.settled(4)
        assert ledger.seen == 4


def test_stalled_uploads_hold_no_more_memory_than_the_option_allows() -> None:
    """150 of 500 KB each: 75 MB, and 4 MB are allowed."""
    with (
        Backend() as a,
        Tee("-a", a.url, "-processes", "1", "-max-request-memory", str(4 * MB), "-a.stream-from", "0") as tee,
        ExitStack() as clients,
    ):
        assert ask(tee.port).status == 200
        before = tee.program.peak_memory()
        for _ in range(150):
            client = clients.enter_context(RawClient(tee.port))
            client.send(upload(tee.port, 500_000, stop=1000))
        assert ask(tee.port, "POST", body=bytes(300_000)).status == 200
        last = clients.enter_context(RawClient(tee.port))
        last.send(upload(tee.port, 500_000))
        assert last.answer("POST").status == 200
        assert tee.program.peak_memory() - before < 30 * MB
