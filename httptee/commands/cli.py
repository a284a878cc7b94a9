"""The command: parse, set up the log, run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from httptee.logs.program_log import set_up_log
from httptee.settings.config import load, load_or_exit


def main(argv: Sequence[str] | None = None) -> int:
    """Run `httptee` with these arguments (the process's own by default) and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0].lstrip("-").split("=")[0] == "demo" and arguments[0].startswith("-"):
        from httptee.commands.demo import run_demo

        return run_demo(serve="serve" in arguments[0] or "serve" in arguments[1:])
    if arguments[:1] == ["explain"]:
        from httptee.commands.explain import run_explain

        return run_explain(arguments[1:], os.environ)
    if arguments[:1] == ["check"]:
        from httptee.commands.check import run_check

        return run_check(arguments[1:], os.environ)
    settings = load_or_exit(arguments, os.environ)
    set_up_log(logging.DEBUG if settings.debug else logging.INFO)
    from httptee.processes.supervisor import serve

    return serve(settings, lambda: load(arguments, os.environ))
