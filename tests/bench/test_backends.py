"""The count of A and B."""

from __future__ import annotations

from bench.programs.backends import parse_stub_status


def test_stub_status_gives_the_third_number() -> None:
    page = "Active connections: 2 \nserver accepts handled requests\n 16 16 31 \nReading: 0 Writing: 1 Waiting: 1 \n"
    assert parse_stub_status(page) == 31
