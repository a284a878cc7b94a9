"""What /proc says of a process."""

from __future__ import annotations

import os

from bench.programs import measure


def test_cpu_time_is_read_past_a_name_with_brackets() -> None:
    fields = ["S", "1", "42", "42", "0", "-1", "0", "0", "0", "0", "0", "100", "20", "3", "4", "20", "0"]
    assert measure.group_of(fields) == 42
    assert measure.cpu_ticks(fields) == 127


def test_this_process_is_a_member_of_its_group_and_has_memory() -> None:
    assert os.getpid() in measure.members(os.getpgrp())
    assert measure.resident(os.getpid()) > 1_000_000
