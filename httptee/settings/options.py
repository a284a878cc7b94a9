"""The option table. The parser, the file's keys, the environment's names, the help and `etc/httptee.ini` are made from
it.

Every option is one row of `OPTIONS`. Its default is a text, as on a command line. So a default, a word on the command
line, an environment variable and a line of the file all go through the same cast. The checks at the end are the same
for every source of options.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import partial

from httptee.errors import ConfigError
from httptee.http import without_userinfo
from httptee.settings.casts import (
    compression,
    count,
    count_or_none,
    kept_size,
    milliseconds,
    milliseconds_or_off,
    one_of,
    percent,
    secret_name,
    size,
)
from httptee.settings.option import Option, directory_or_engine, environment_name, flag, upstream_tls
from httptee.settings.options_server import LISTEN_OPTION, SERVER_OPTIONS
from httptee.settings.options_spool import SPOOL_OPTIONS
from httptee.settings.options_upstreams import UPSTREAM_OPTIONS
from httptee.settings.settings import RecordOnly


def _instance(text: str) -> str:
    """The name of a tee among others, or the empty text."""
    if not re.fullmatch(r"[A-Za-z0-9._:\[\]-]{0,128}", text):
        raise ValueError(f"must have at most 128 letters, digits, dots, colons, dashes and underscores: {text!r}")
    return text


VERDICT_OPTIONS: tuple[Option, ...] = (
    Option(
        "verdict",
        lambda text: directory_or_engine(text) or "off",
        "off",
        "Compare each B's answers with A's, to learn whether B can replace A. httptee verdict prints what is found. "
        "A directory: the evidence is kept there, also over restarts. memory: it is kept until the tee ends. "
        "redis://HOST/TOPIC: the pairs are published there, and httptee judge reaches one verdict for many tees.",
        "off|memory|DIR|ADDRESS",
    ),
    Option(
        "verdict.rate",
        count,
        "250",
        "Pairs of answers that are compared each second. If there are more, they are chosen at random, those of rare "
        "routes first.",
        "NUMBER",
    ),
    Option(
        "verdict.delta",
        percent,
        "0.1",
        "The verdict is YES if at most this percentage of a route's answers may differ without an explanation.",
        "NUMBER",
    ),
    Option(
        "verdict.repeat",
        count_or_none,
        "2",
        "GET, HEAD and OPTIONS requests that may be sent to A and B once more in each second, and at most 1 in 100 "
        "requests, to learn what differs between two answers of A itself. 0: none. Without them, no difference in a "
        "value is certain.",
        "NUMBER",
    ),
    Option(
        "verdict.keep",
        partial(one_of, words=("paths", "values", "full")),
        "full",
        "What the evidence holds of a pair that differs: the places alone, the values there, or the request and both "
        "answers. Credentials are replaced in any case.",
        "paths|values|full",
    ),
    Option(
        "verdict.max-body",
        kept_size,
        "262144",
        "Longer bodies are compared by length and digest. At most 1 MiB.",
        "BYTES",
    ),
    Option("verdict.max-bytes", size, "268435456", "The size of the evidence. The oldest is removed first.", "BYTES"),
    Option("verdict.max-age", milliseconds, "604800000", "The age at which evidence is removed.", "MILLISECONDS"),
    flag("verdict.reset", "Begin a new chapter for each B at the start: what was found before does not count."),
    Option(
        "instance",
        _instance,
        "",
        "The name of this tee among those that publish in one topic. By default the host name and the port.",
        "NAME",
    ),
)

RECORD_OPTIONS: tuple[Option, ...] = (
    Option(
        "record",
        directory_or_engine,
        "",
        "Record what A is asked and what it answers in files in this directory, to replay it later; or in a topic: "
        "redis://HOST/TOPIC. What is full or fails costs records, which are counted, and never a request.",
        "DIR|TOPIC",
    ),
    Option("record.percent", percent, "100", "The percentage of requests to record.", "NUMBER"),
    Option(
        "record.only",
        RecordOnly.parse,
        "",
        "Record only the requests that pass these filters of the line of a B: methods=, path=, header=. Example: "
        "'methods=GET path=/api/*'.",
        "FILTERS",
    ),
    Option(
        "record.max-body",
        size,
        "1048576",
        "Of longer bodies, only the length and the SHA-256 are recorded.",
        "BYTES",
    ),
    Option("record.max-bytes", size, "1073741824", "The size of all files. The oldest is removed first.", "BYTES"),
    Option("record.max-age", milliseconds_or_off, "0", "The age at which a file is removed. 0: never.", "MILLISECONDS"),
    Option(
        "record.min-free",
        percent,
        "5",
        "The percentage of the disk that stays free: the oldest files are removed for it, then nothing is recorded.",
        "NUMBER",
    ),
    Option(
        "record.compress",
        compression,
        "off",
        "Compress the files: off or zstd, for which the extra zstd must be installed.",
        "off|zstd",
    ),
    Option(
        "record.secret",
        secret_name,
        "",
        "A further name whose values are secrets: of a header field, a query parameter, or a key in JSON or in a "
        "form. Repeatable; in the file, with spaces between the names.",
        "NAME",
        repeatable=True,
    ),
    flag(
        "record.keep-secrets",
        "Record passwords, tokens and cookies as they are. Whoever can read the files can use them.",
    ),
)

OUTBOX_OPTION = Option(
    "outbox",
    str,
    "",
    "A directory where what goes to an engine waits until it is there. What is left in it at the end is sent after the "
    "next start. By default a temporary one of the tee's own.",
    "DIR",
)

OPTIONS: tuple[Option, ...] = (
    LISTEN_OPTION,
    *UPSTREAM_OPTIONS,
    *SPOOL_OPTIONS,
    *VERDICT_OPTIONS,
    *RECORD_OPTIONS,
    OUTBOX_OPTION,
    *SERVER_OPTIONS,
    *upstream_tls("a", "A"),
    *upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
"""Every option by each of its names."""

CONFIG_ENVIRONMENT = "HTTPTEE_CONFIG"
"""The environment variable that names the file."""

# For services whose names begin with httptee, Kubernetes sets these in every container (and Docker with links).
_OF_A_SERVICE = re.compile(r"HTTPTEE_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_[A-Z]+(_(PROTO|PORT|ADDR))?)")
_PORT_OF_A_SERVICE = re.compile(r"HTTPTEE_(\w+_)?PORT")


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """One line for each variable `HTTPTEE_…` that sets no option, with the known name that is closest to it."""
    known = {option.environment for option in BY_NAME.values()} | {CONFIG_ENVIRONMENT}
    # The names that one may think of, aliases included, and the variable of each.
    meant = {environment_name(name): option.environment for name, option in BY_NAME.items()} | {
        CONFIG_ENVIRONMENT: CONFIG_ENVIRONMENT
    }
    lines = []
    for name in sorted(environ):
        of_a_service = _OF_A_SERVICE.fullmatch(name) or (_PORT_OF_A_SERVICE.fullmatch(name) and "://" in environ[name])
        if name.startswith("HTTPTEE_") and name not in known and not of_a_service:
            close = difflib.get_close_matches(name, meant, n=1)
            hint = f"; did you mean {meant[close[0]]}?" if close else ""
            lines.append(f"the environment variable {name!r} is no option and has no effect{hint}")
    return lines


def check(option: Option, texts: list[str], place: str) -> None:
    """Raise ConfigError, with the place, if the option does not accept one of the texts."""
    if "--" in texts:
        # Before Python 3.13, argparse removes it from any list of arguments.
        raise ConfigError(f"{place}: -- is not a value")
    try:
        for text in texts:
            option.cast(text)
    except ValueError as error:
        raise ConfigError(f"{place}: {error}") from None


def unknown(name: str, dash: str = "") -> str:
    """The name in quotes, with the known name that is closest to it as a hint."""
    lower = {known.lower(): known for known in BY_NAME}
    close = difflib.get_close_matches(name.lower(), lower, n=1)
    hint = f"; did you mean {dash}{lower[close[0]]}?" if close else ""
    return f"{dash + without_userinfo(name)!r}{hint}"
