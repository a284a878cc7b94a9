"""Interleaved rounds: every row of every table is measured once, then all of them again in another order."""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..errors import BenchError, NotStartedError
from ..programs.backends import Backend, start_backend
from ..programs.load import Load
from ..programs.processes import program
from ..programs.sessions import Sessions
from ..programs.subjects import Subject
from ..programs.workspace import Workspace

Item = TypeVar("Item")
Server = TypeVar("Server")
What = TypeVar("What", bound=Hashable)
Got = TypeVar("Got")


@dataclass(frozen=True)
class Stage(Generic[Server]):
    """A, B and the load in one arrangement of sessions, and the workspace in which tees are started beside them."""

    workspace: Workspace
    a: Server
    b: Server
    load: Load

    @property
    def sessions(self) -> Sessions:
        """The arrangement."""
        return self.workspace.sessions


@contextlib.contextmanager
def stages_of(
    start: Callable[[Workspace, str], Server], arranged: Sequence[Sessions], tool: str
) -> Iterator[list[Stage[Server]]]:
    """A stage for each arrangement, with servers that `start` starts.

    Idle servers take almost no CPU time, so all of them run during all rounds.
    """
    program(tool)
    with contextlib.ExitStack() as stack:
        found = []
        for sessions in arranged:
            workspace = stack.enter_context(Workspace(sessions))
            load = Load(tool, workspace.subdirectory("load"), sessions)
            found.append(Stage(workspace, start(workspace, "a"), start(workspace, "b"), load))
        yield found


def stages(arranged: Sequence[Sessions], tool: str) -> contextlib.AbstractContextManager[list[Stage[Backend]]]:
    """A stage for each arrangement, with nginx as A and B."""
    return stages_of(start_backend, arranged, tool)


@dataclass(frozen=True)
class Key(Generic[What]):
    """One row: a subject, under what, in which arrangement of sessions."""

    sessions: Sessions
    what: What
    subject: str


@dataclass
class Taken(Generic[What, Got]):
    """The samples of every row, and the reason of a row with missing samples."""

    samples: dict[Key[What], list[Got]] = field(default_factory=lambda: defaultdict(list))
    reasons: dict[Key[What], str] = field(default_factory=dict)

    def row(self, sessions: Sessions, what: What, subject: Subject) -> tuple[tuple[Got, ...], str]:
        """The samples of one row, and the reason where some are missing."""
        key = Key(sessions, what, subject.name)
        return tuple(self.samples.get(key, ())), self.reasons.get(key, "")


def rotated(items: Sequence[Item], by: int) -> list[Item]:
    """Another order for each round, so that each item has another predecessor."""
    by %= len(items)
    return [*items[by:], *items[:by]]


def progress(text: str) -> None:
    """Print how far the run is."""
    print(text, file=sys.stderr, flush=True)


def places(
    rounds: int, stages: Sequence[Stage[Server]], whats: Sequence[What], subjects: Sequence[Subject]
) -> Iterator[tuple[int, Stage[Server], What, Subject]]:
    """Every row in every round. Rows that are compared with each other follow one another."""
    for number in range(rounds):
        for what in rotated(whats, number):
            for stage in rotated(stages, number):
                for subject in rotated(subjects, number):
                    yield number, stage, what, subject


def interleaved(
    rounds: int,
    stages: Sequence[Stage[Server]],
    whats: Sequence[What],
    subjects: Sequence[Subject],
    measure: Callable[[Stage[Server], What, Subject], Got],
    title: Callable[[What], str],
    brief: Callable[[Got], str],
) -> Taken[What, Got]:
    """Measure every row in every round.

    A row whose measurement raises BenchError keeps the reason. A subject that does not start for a row's first sample
    is not started again for that row.
    """
    taken: Taken[What, Got] = Taken()
    absent: set[Key[What]] = set()
    for number, stage, what, subject in places(rounds, stages, whats, subjects):
        key = Key(stage.sessions, what, subject.name)
        if key in absent:
            continue
        try:
            got = measure(stage, what, subject)
        except BenchError as error:
            missing = isinstance(error, NotStartedError)
            told = taken.reasons[key] = f"not started: {error}" if missing else str(error)
            if missing and not taken.samples[key]:
                absent.add(key)
        else:
            taken.samples[key].append(got)
            told = brief(got)
        where = f"round {number + 1} of {rounds}: {title(what)}, {stage.sessions.title}"
        progress(f"{where}: {subject.name}: {told}")
    return taken
