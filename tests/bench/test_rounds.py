"""Interleaved rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.errors import BenchError, NotStartedError
from bench.programs.sessions import Sessions
from bench.programs.subjects import Subject, choose
from bench.scenarios.rounds import Key, Taken, interleaved, rotated


def test_rounds_begin_with_another_subject_each() -> None:
    subjects = choose(["direct", "nginx", "envoy"], [])
    assert [rotated(subjects, n)[0].name for n in range(4)] == ["direct", "nginx", "envoy", "direct"]


@dataclass(frozen=True)
class Fake:
    sessions: Sessions


def measured(script: Callable[[int], int], rounds: int = 3) -> tuple[Taken[str, int], list[tuple[str, str, str]]]:
    """Two arrangements, two loads and two subjects; `script` gets the number of the measurement."""
    order: list[tuple[str, str, str]] = []

    def measure(stage: Fake, what: str, subject: Subject) -> int:
        order.append((what, stage.sessions.value, subject.name))
        return script(len(order))

    subjects = choose(["nginx", "httptee"], [])
    return interleaved(rounds, [Fake(each) for each in Sessions], ["x", "y"], subjects, measure, str, str), order


def test_every_row_is_measured_once_in_each_round_in_another_order() -> None:
    taken, order = measured(lambda number: number)
    assert all(len(samples) == 3 for samples in taken.samples.values())
    assert len(taken.samples) == 8
    assert sorted(order[:8]) == sorted(order[8:16])
    assert order[:8] != order[8:16]
    assert order[0] == ("x", "one", "nginx")
    assert order[8] == ("y", "own", "httptee")


def test_the_subjects_of_one_load_and_arrangement_follow_one_another() -> None:
    _, order = measured(lambda number: number)
    assert [one[:2] for one in order[::2]] == [two[:2] for two in order[1::2]]


def test_a_row_keeps_its_samples_and_the_reason_of_a_missing_one() -> None:
    def script(number: int) -> int:
        if number == 9:
            raise BenchError("it broke")
        return number

    taken, order = measured(script)
    key = Key(Sessions(order[8][1]), order[8][0], order[8][2])
    assert len(taken.samples[key]) == 2
    assert taken.reasons == {key: "it broke"}


def test_what_does_not_start_in_the_first_round_is_not_started_again() -> None:
    def script(number: int) -> int:
        raise NotStartedError("no such program")

    taken, order = measured(script)
    assert len(order) == 8
    assert set(taken.reasons.values()) == {"not started: no such program"}


def test_what_fails_in_the_first_round_is_measured_in_the_next() -> None:
    def script(number: int) -> int:
        if number <= 8:
            raise BenchError("it broke")
        return number

    taken, order = measured(script)
    assert len(order) == 24
    assert all(len(samples) == 2 for samples in taken.samples.values())
