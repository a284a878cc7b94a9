"""The tee for a WSGI server: `gunicorn 'httptee.wsgi:application'`, `waitress-serve httptee.wsgi:application`.

It reads its settings from the environment (`HTTPTEE_A`, `HTTPTEE_B`, …) and from the file that `HTTPTEE_CONFIG` names.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys

from httptee.errors import ConfigError
from httptee.logs import set_up_mounted_log
from httptee.middleware import create_app
from httptee.settings import load_given


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)


_CANNOT_LOAD = 4  # gunicorn ends at this exit status of a worker process; at others it starts the next one, for ever

try:
    settings, given = load_given([], os.environ)
    set_up_mounted_log(logging.DEBUG if settings.debug else logging.INFO, settings.log_format)
    application = create_app(settings, given)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # under waitress-serve: the clones in flight would be lost
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGTERM, _end)
except ConfigError as error:
    print("httptee:", " ".join(str(error).splitlines()), file=sys.stderr, flush=True)
    raise SystemExit(_CANNOT_LOAD) from None
