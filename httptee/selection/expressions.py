"""Regular expressions in options and in the fields of a B's line, and their replacements."""

from __future__ import annotations

import re

_TEMPLATE = re.compile(r"(?:[!-\[\]-~\x80-\xff]|\\[1-9](?![0-9])|\\g<\w+>)*", re.ASCII)


def pattern(text: str) -> re.Pattern[str] | None:
    """A compiled regular expression, or None for the empty text. Raises ValueError."""
    try:
        return re.compile(text) if text else None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression ({error}): {text!r}") from None


def replacement(text: str) -> tuple[re.Pattern[str], str]:
    r"""The expression and the replacement in `expression -> replacement`, or the same with →. Raises ValueError.

    In the replacement, `\1` and `\g<name>` stand for groups.
    """
    parts = re.fullmatch(r"(.*?)\s*(?:->|→)\s*(.*?)", text, re.DOTALL)
    expression = pattern(parts[1]) if parts else None
    if parts is None or expression is None:
        raise ValueError(f"must be a regular expression, -> and the replacement: {text!r}")
    if not _TEMPLATE.fullmatch(parts[2]):
        raise ValueError(f"a replacement may have visible characters, \\1 to \\9 and \\g<name>: {parts[2]!r}")
    try:
        expression.sub(parts[2], "")
    except (re.error, IndexError) as error:
        raise ValueError(f"the replacement does not fit the expression ({error}): {text!r}") from None
    return expression, parts[2]
