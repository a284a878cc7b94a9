"""Which bodies the server of a tee passes on while they arrive."""

import pytest

from httptee.processes.worker import _streaming
from httptee.server import Streaming
from httptee.settings import load


@pytest.mark.parametrize(
    ("options", "streaming"),
    [
        ([], Streaming(65_536, expecting=True)),
        (["-a.stream-from", "10"], Streaming(10, expecting=True)),
        (["-a.stream-from", "0"], None),
        (["-b", "http://b max-body=100000"], Streaming(65_536, expecting=True)),
        (["-b", "http://b max-body=100000 when-a-fails=send"], Streaming(100_000, expecting=False)),
        (["-b", "http://b max-body=10 when-a-fails=send"], Streaming(65_536, expecting=False)),
        (["-b", "http://b spool=/var/spool/b"], Streaming(1_048_576, expecting=False)),
    ],
)
def test_what_a_b_needs_whatever_becomes_of_a_is_read_first(options, streaming):
    assert _streaming(load(["-a", "http://a", *options], {})) == streaming
