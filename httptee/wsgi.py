"""The tee for a WSGI server: `gunicorn 'httptee.wsgi:application'`, `waitress-serve httptee.wsgi:application`.

It reads its settings from the environment (`HTTPTEE_A`, `HTTPTEE_B`, …) and from the file that `HTTPTEE_CONFIG` names.
"""

from __future__ import annotations

import os
import sys

from httptee.build import create_app
from httptee.errors import ConfigError
from httptee.settings import load_or_exit

try:
    application = create_app(load_or_exit([], os.environ))
except ConfigError as error:
    print("httptee:", error, file=sys.stderr)
    raise SystemExit(2) from None
