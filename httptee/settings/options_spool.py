"""The rows of the option table that are about the spool. Each is also a field of a B's line, without the `b.`."""

from __future__ import annotations

from functools import partial

from httptee.settings.casts import (
    SPOOL_AMBIGUOUS,
    SPOOL_FSYNC,
    SPOOL_FULL,
    count_or_none,
    free_percent,
    lane_name,
    milliseconds_or_off,
    one_of,
    path_or_none,
    size,
    spool_place,
)
from httptee.settings.option import Option

SPOOL_OPTIONS: tuple[Option, ...] = (
    Option(
        "b.spool",
        spool_place,
        "",
        "Clones that a B cannot take now are kept in this directory, and B gets them later, in order. Without it, they "
        "are dropped. redis://HOST/TOPIC: they are kept there, and any tee with the same address sends them. Not under "
        "another WSGI server.",
        "DIR|ADDRESS",
    ),
    Option(
        "b.spool.max-bytes",
        size,
        "1073741824",
        "The size of the spool of each B on the disk.",
        "BYTES",
    ),
    Option(
        "b.spool.max-age",
        milliseconds_or_off,
        "86400000",
        "Spooled clones that are older are dropped. 0: no limit.",
        "MILLISECONDS",
    ),
    Option(
        "b.spool.min-free",
        free_percent,
        "5",
        "The percentage of the disk that the spool leaves free.",
        "NUMBER",
    ),
    Option(
        "b.spool.lane",
        lane_name,
        "connection",
        "What spooled clones keep their order within: the connection of the client, the client's address, the value of "
        "a header field or of a parameter of the query, or all of one B. Lanes are sent side by side.",
        "connection|client|header:NAME|query:NAME|all",
    ),
    Option(
        "b.spool.rate",
        count_or_none,
        "0",
        "The most spooled clones that a B gets in a second. 0: at most twice the rate of the requests that come.",
        "NUMBER",
    ),
    Option(
        "b.spool.fsync",
        partial(one_of, words=SPOOL_FSYNC),
        "1s",
        "When the disk must hold what was spooled: within a second, before the next clones are written, or when the "
        "system likes. A process that is killed loses nothing in any case, a machine without power may.",
        "1s|always|never",
    ),
    Option(
        "b.spool.ambiguous",
        partial(one_of, words=SPOOL_AMBIGUOUS),
        "retry",
        "What becomes of a clone that was sent and not answered, so that B may have executed it: it is sent again, or "
        "only if its method is idempotent, or never.",
        "retry|idempotent|never",
    ),
    Option(
        "b.spool.full",
        partial(one_of, words=SPOOL_FULL),
        "oldest",
        "Which clones are dropped if the spool is full.",
        "oldest|newest",
    ),
    Option(
        "b.check",
        path_or_none,
        "",
        "A path on each B that is asked with GET, if one spooled request fails again and again. An answer below 500 "
        "means that only this request fails.",
        "PATH",
    ),
)
