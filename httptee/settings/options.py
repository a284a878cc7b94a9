"""The option table. The parser, the file's keys, the environment's names, the help and `etc/httptee.ini` are made from
it.

Every option is one row of `OPTIONS`. Its default is a text, as on a command line. So a default, a word on the command
line, an environment variable and a line of the file all go through the same cast.
"""

from __future__ import annotations

from httptee.settings.option import Option, upstream_tls
from httptee.settings.options_server import LISTEN_OPTION, SERVER_OPTIONS
from httptee.settings.options_upstreams import UPSTREAM_OPTIONS

OPTIONS: tuple[Option, ...] = (
    LISTEN_OPTION,
    *UPSTREAM_OPTIONS,
    *SERVER_OPTIONS,
    *upstream_tls("a", "A"),
    *upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
"""Every option by each of its names."""
