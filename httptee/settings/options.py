"""The option table. The parser, the file's keys, the environment's names, the help and `etc/httptee.ini` are made from
it.

Every option is one row of `OPTIONS`. Its default is a text, as on a command line. So a default, a word on the command
line, an environment variable and a line of the file all go through the same cast.
"""

from __future__ import annotations

from functools import partial

from httptee.settings.casts import (
    count,
    count_or_none,
    kept_size,
    milliseconds,
    milliseconds_or_off,
    one_of,
    percent,
    place_or_off,
    secret_name,
    size,
)
from httptee.settings.option import Option, flag, upstream_tls
from httptee.settings.options_server import LISTEN_OPTION, SERVER_OPTIONS
from httptee.settings.options_spool import SPOOL_OPTIONS
from httptee.settings.options_upstreams import UPSTREAM_OPTIONS
from httptee.settings.settings import RecordOnly

VERDICT_OPTIONS: tuple[Option, ...] = (
    Option(
        "verdict",
        place_or_off,
        "off",
        "Compare each B's answers with A's, to learn whether B can replace A. httptee verdict prints what is found. "
        "A directory: the evidence is kept there, also over restarts. memory: it is kept until the tee ends.",
        "off|memory|DIR",
    ),
    Option(
        "verdict.rate",
        count,
        "500",
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
)

RECORD_OPTIONS: tuple[Option, ...] = (
    Option(
        "record",
        str,
        "",
        "Record what A is asked and what it answers in files in this directory, to replay it later. A disk that is "
        "full or fails costs records, which are counted, and never a request.",
        "DIR",
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

OPTIONS: tuple[Option, ...] = (
    LISTEN_OPTION,
    *UPSTREAM_OPTIONS,
    *SPOOL_OPTIONS,
    *VERDICT_OPTIONS,
    *RECORD_OPTIONS,
    *SERVER_OPTIONS,
    *upstream_tls("a", "A"),
    *upstream_tls("b", "every B"),
)

BY_NAME: dict[str, Option] = {name: option for option in OPTIONS for name in (option.name, *option.aliases)}
"""Every option by each of its names."""
