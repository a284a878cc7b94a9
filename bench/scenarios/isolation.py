"""What A's clients notice of B: the rate, the p99 and the memory in each state of B, and the same with B absent.

The hostile Bs are compared with a B that answers `ok`, in tables of their own (`hostile/backends.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace

from ..programs.backends import Backend
from ..programs.load import CASES
from ..programs.sessions import Sessions
from ..programs.subjects import Subject
from ..reports.figures import Figures, Json, Row, Sample, row_json
from ..reports.lookups import OURS, Lookup, Measured, rows
from ..reports.tables import NOTHING, TIMES, megabytes, microseconds, table
from ..reports.targets import MEGABYTES_16, Target
from .hostile import backends
from .hostile.backends import HOSTILE
from .hostile.bounds import PACES
from .rounds import Stage, Taken, interleaved, stages
from .sampling import Workload, rate, row, sample
from .scenario import Result, Scenario, Setup, add_load, add_setup, keys, listed, positive
from .states import STATES, Memory, State, long_load, staged

HEADER = ["B", "requests/s", f"{TIMES} absent", "p99", f"{TIMES} absent", "CPU µs a request", f"{TIMES} absent",
          "memory", "memory over the long load", "notes"]  # fmt: skip
TITLE = "{}: A's clients, by the state of B"


def isolated(state: str, name: str) -> Lookup:
    """A figure in a state of B as a multiple of the same with B absent."""

    def measure(result: Json) -> Measured:
        found = rows(result, TITLE.format(OURS)).get(state)
        return found["absent"][name] if found and found["absent"] else None

    return measure


def off_start(state: str) -> Lookup:
    """The largest distance of memory from its start over the long load, in bytes."""

    def measure(result: Json) -> Measured:
        found = rows(result, TITLE.format(OURS)).get(state)
        memory = found["soak"] if found else None
        if memory is None:
            return None
        return float(max(memory["peak"] - memory["before"], abs(memory["after"] - memory["before"])))

    return measure


TARGETS = (
    *(
        target
        for key, what in ((key, STATES[key].title) for key in ("silent", "deaf"))
        for target in (
            Target(f"{what}: requests/s, {TIMES} B absent", "isolation", isolated(key, "rate"), 0.95),
            Target(f"{what}: p99, {TIMES} B absent", "isolation", isolated(key, "p99"), 1.3, most=True),
            Target(f"{what}: memory off its start, MB", "isolation", off_start(key), MEGABYTES_16, True, 1e6),
        )
    ),
    Target(f"B refuses: CPU a request, {TIMES} B absent", "isolation", isolated("refusing", "cpu"), 1.1, most=True),
    *backends.TARGETS,
)


def cells(state: State, row: Row, base: Figures | None, grown: Memory | None) -> list[str]:
    """A table row as text."""
    got = row.median
    if got is None:
        return [state.title, *[""] * (len(HEADER) - 2), row.reason]
    star = "*" if row.errors else ""
    against = {name: f"{value:.2f}" for name, value in ratios(got, base).items()}
    growth = NOTHING
    if grown is not None:
        before, after, peak = megabytes(grown.before), megabytes(grown.after), megabytes(grown.peak - grown.before)
        growth = f"{before} → {after}, at most +{peak}"
    errors = f"* {row.errors} errors in {len(row.samples)} runs" if row.errors else ""
    return [
        state.title, f"{got.rate:,.0f}{star}", against.get("rate", ""),
        microseconds(got.p99) + star, against.get("p99", ""),
        f"{got.cpu:,.0f}" if got.cpu else NOTHING, against.get("cpu", ""),
        megabytes(got.memory or 0.0), growth, "; ".join(filter(None, [errors, row.reason])),
    ]  # fmt: skip


def ratios(got: Figures, base: Figures | None) -> dict[str, float]:
    """Rate, p99 and CPU time as multiples of the figures with B absent, as far as both were measured."""
    if base is None:
        return {}
    pairs = {"rate": (got.rate, base.rate), "p99": (got.p99, base.p99), "cpu": (got.cpu, base.cpu)}
    return {name: mine / other for name, (mine, other) in pairs.items() if mine is not None and other}


def state_table(
    subject: Subject, sessions: Sessions, states: Sequence[State], taken: Taken[State, Sample],
    memories: Taken[State, Memory | None],
) -> Json:  # fmt: skip
    """One subject's rows, a state of B in each."""
    base = row(taken, sessions, STATES["absent"], subject).median
    lines, found = [], []
    for state in states:
        each = row(taken, sessions, state, subject)
        watched, why = memories.row(sessions, state, subject)
        grown, each = watched[0] if watched else None, replace(each, reason=each.reason or why)
        lines.append(cells(state, each, base, grown))
        absent = ratios(each.median, base) if each.median else {}
        found.append({**row_json(each, []), "scenario": state.key, "absent": absent or None,
                      "soak": asdict(grown) if grown else None})  # fmt: skip
    return table(TITLE.format(subject.name), HEADER, lines, found, sessions)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, "httptee")
    add_load(parser)
    parser.add_argument("--states", type=listed, metavar="STATE,...",
                        help=f"of {','.join([*STATES, *HOSTILE])} (default: all)")  # fmt: skip
    parser.add_argument("--paces", type=listed, metavar="PACE,...",
                        help=f"of the load beside hostile Bs: {','.join(PACES)} (default: both)")  # fmt: skip
    parser.add_argument("--connections", type=positive, default=32, help="of the load (default: %(default)s)")
    parser.add_argument("--soak", type=int, default=60,
                        help="seconds of the long load for memory, 0 for none (default: %(default)s)")  # fmt: skip


def chosen_states(options: argparse.Namespace) -> tuple[list[State], list[str]]:
    """The chosen states, and the keys of the chosen hostile Bs."""
    chosen = keys(options.states, [*STATES, *HOSTILE], "state")
    if not STATES.keys() & set(chosen):
        return [], chosen
    # B absent always takes part, because the other states are compared with it.
    states = [state for key, state in STATES.items() if key in {"absent", *chosen}]
    return states, [key for key in chosen if key in HOSTILE]


def state_tables(
    options: argparse.Namespace, setup: Setup, ready: Sequence[Stage[Backend]], states: Sequence[State]
) -> list[Json]:
    """Measure every state in interleaved rounds, then apply a long load once to each."""
    workload = Workload(CASES["get"], options.connections)

    def measured(stage: Stage[Backend], state: State, subject: Subject) -> Sample:
        with staged(stage, state, subject) as tee:
            return sample(workload.by(stage.load), tee, setup.plan, stage.a, None)

    def watched(stage: Stage[Backend], state: State, subject: Subject) -> Memory | None:
        with staged(stage, state, subject) as tee:
            return long_load(stage, tee, workload, options.soak)

    taken = interleaved(setup.plan.rounds, ready, states, setup.subjects, measured, lambda state: state.title, rate)
    memories = interleaved(
        1 if options.soak else 0, ready, states, setup.subjects, watched,
        lambda state: f"long load: {state.title}", lambda grown: "done",
    )  # fmt: skip
    return [
        state_table(subject, sessions, states, taken, memories)
        for subject in setup.subjects
        for sessions in setup.arranged
    ]


def run(options: argparse.Namespace) -> Result:
    """Measure the chosen states, then the chosen hostile Bs."""
    setup, (states, hostile) = Setup.of(options, ["httptee"]), chosen_states(options)
    paces = keys(options.paces, PACES, "pace")
    with stages(setup.arranged, options.load) as ready:
        tables = state_tables(options, setup, ready, states) if states else []
        if hostile:
            tables += backends.tables(ready, setup.subjects, hostile, paces, setup.plan)
    return Result(tables, setup.settings(load=options.load, connections=options.connections, soak=options.soak))


SCENARIO = Scenario("isolation", "what A's clients notice of a B that misbehaves", add_arguments, run, TARGETS)
