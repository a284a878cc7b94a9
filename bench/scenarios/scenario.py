"""One entry of the command line, and the arguments that several scenarios share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from ..errors import BenchError
from ..programs.sessions import Sessions, names
from ..programs.subjects import Subject, choose
from ..reports.figures import Json
from ..reports.targets import Target


@dataclass(frozen=True)
class Result:
    """The outcome of a run. `held` is false where the run itself has a limit and exceeds it."""

    tables: list[Json]
    settings: Json
    held: bool = True


@dataclass(frozen=True)
class Scenario:
    """One thing that `python -m bench NAME` measures."""

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Result]
    targets: tuple[Target, ...] = ()


def listed(text: str) -> list[str]:
    """The words of a list with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def positive(text: str) -> int:
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a positive whole number: {text!r}")
    return int(text)


def number_list(text: str) -> list[int]:
    """A list of positive numbers."""
    numbers = [positive(word) for word in listed(text)]
    if not numbers:
        raise argparse.ArgumentTypeError("not one number")
    return numbers


@dataclass(frozen=True)
class Plan:
    """The rounds, and the seconds of load in each measurement and before it."""

    rounds: int
    seconds: int = 0
    warmup: int = 0


@dataclass(frozen=True)
class Setup:
    """A run of one or more tees, as the command line says."""

    plan: Plan
    subjects: list[Subject]
    arranged: list[Sessions]

    @classmethod
    def of(cls, options: argparse.Namespace, default: list[str] | None = None) -> Setup:
        """The setup of a run with these subjects by default."""
        subjects = choose(options.only, options.peer, default)
        plan = Plan(options.rounds, options.seconds, options.warmup)
        return cls(plan, subjects, arrangements(options, subjects))

    def settings(self, **more: object) -> Json:
        """The settings as they are saved."""
        return {"rounds": self.plan.rounds, "seconds": self.plan.seconds, **more, "sessions": names(self.arranged)}


def add_rounds(parser: argparse.ArgumentParser) -> None:
    """Add the number of rounds."""
    parser.add_argument("--rounds", type=positive, default=5, help="interleaved rounds (default: %(default)s)")


def add_setup(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the plan, the subjects and the arrangements of sessions."""
    add_plan(parser)
    add_subjects(parser, default)
    add_sessions(parser)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the rounds, and the length of each measurement."""
    add_rounds(parser)
    parser.add_argument(
        "--seconds", type=positive, default=3, help="seconds of load in each measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--warmup", type=int, default=1, help="seconds of load before each measurement (default: %(default)s)"
    )


def add_subjects(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the choice of subjects."""
    parser.add_argument("--only", type=listed, metavar="NAME,...", help=f"the subjects (default: {default})")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="another tee (see below)")


def add_load(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the load generator."""
    parser.add_argument("--load", choices=["wrk", "hey"], default="wrk", help="load generator (default: %(default)s)")


def add_size(parser: argparse.ArgumentParser) -> None:
    """Add the size of a large body."""
    parser.add_argument("--size", type=positive, default=1024, help="MiB of a large body (default: %(default)s)")


def add_sessions(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the arrangements of sessions."""
    parser.add_argument(
        "--sessions", choices=["one", "own", "both"],
        help="one: all programs in one session, as from a shell; own: each program in its own session, as under "
        "systemd and in containers (default: both where several tees are measured, else one)",
    )  # fmt: skip


def arrangements(options: argparse.Namespace, subjects: Sequence[Subject]) -> list[Sessions]:
    """The arrangements of a run, from `--sessions` or by the number of tees."""
    tees = sum(subject.starter is not None for subject in subjects)
    chosen = options.sessions or ("both" if tees > 1 else "one")
    return list(Sessions) if chosen == "both" else [Sessions(chosen)]


def keys(chosen: Sequence[str] | None, known: Collection[str], noun: str) -> list[str]:
    """The chosen keys, or all. Raises BenchError for one that is unknown."""
    unknown = [key for key in chosen or () if key not in known]
    if unknown:
        raise BenchError(f"unknown {noun} {', '.join(unknown)}: there are {', '.join(known)}")
    return list(chosen or known)
