"""`httptee [options]`: reads the settings, sets up the log, runs the tee."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from httptee.logs import set_up_log
from httptee.processes import serve
from httptee.settings import load, load_or_exit


def run_tee(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the tee until a signal ends it; return the exit status. A reload reads `argv` and `environ` again."""
    settings = load_or_exit(argv, environ)
    set_up_log(logging.DEBUG if settings.debug else logging.INFO, settings.log_format)
    return serve(settings, lambda: load(argv, environ))
