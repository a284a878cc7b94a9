"""Runs the command that the command line names. The module of a command is imported only when it runs."""

from __future__ import annotations

import gc
import os
import select
import sys
from collections.abc import Sequence

_OF_FILES = ("recording", "spool", "config", "completion", "man")
_READER_ENDED = 128 + 13  # what a shell reports for a program that SIGPIPE has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run `httptee` with these arguments (those of the process by default) and return its exit status."""
    _open_standard_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()  # here, and not at exit, where an error would be printed as a traceback
    except BrokenPipeError:
        if not _nobody_reads():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still in the buffer
        return _READER_ENDED


def _run(arguments: Sequence[str]) -> int:
    word = arguments[0] if arguments else ""
    if word.startswith("-") and word.lstrip("-").split("=")[0] == "demo":
        from httptee.commands.demo import run_demo_command

        return run_demo_command(arguments)
    if word == "explain":
        from httptee.commands.explain import run_explain

        return run_explain(arguments[1:], os.environ)
    if word == "check":
        from httptee.commands.check import run_check

        return run_check(arguments[1:], os.environ)
    if word == "ctl":
        from httptee.commands.ctl import run_ctl

        return run_ctl(arguments[1:], os.environ)
    if word == "replay":
        from httptee.commands.replay import run_replay

        return run_replay(arguments[1:], os.environ)
    if word == "verdict":
        from httptee.commands.verdict import run_verdict

        return run_verdict(arguments[1:], os.environ)
    if word == "judge":
        from httptee.commands.judge import run_judge

        return run_judge(arguments[1:], os.environ)
    if word in _OF_FILES:
        return _run_of_files(word, arguments[1:])
    gc.disable()  # nothing of what is imported is garbage
    from httptee.commands.run import run_tee

    gc.enable()
    return run_tee(arguments, os.environ)


def _run_of_files(word: str, arguments: Sequence[str]) -> int:
    """Run a command that reads no options and no environment."""
    if word == "recording":
        from httptee.commands.recording import run_recording

        return run_recording(arguments)
    if word == "spool":
        from httptee.commands.spool import run_spool

        return run_spool(arguments)
    from httptee.commands.files import run_files

    return run_files(word, arguments)


def _nobody_reads() -> bool:
    """Whether standard output is a pipe or a socket whose reader has ended, as in `httptee -h | head -n 1`."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _open_standard_streams() -> None:
    """Open /dev/null in place of each standard stream that is closed: a socket must not get its descriptor."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free descriptor is this one
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def echo() -> int:
    """Run an echo backend until Ctrl-C and return the exit status: `python -m httptee.demo`."""
    from httptee.commands.demo import run_echo

    return run_echo()
