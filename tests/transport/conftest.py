"""What the tests of the transport share."""

from __future__ import annotations

import pytest

from httptee.transport.adapter import PoolLimits, WireAdapter


@pytest.fixture
def adapter():
    made = WireAdapter(PoolLimits(max_idle=4))
    yield made
    made.close()
