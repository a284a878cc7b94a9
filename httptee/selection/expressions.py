"""Regular expressions in options and in the fields of a B's line."""

from __future__ import annotations

import re


def pattern(text: str) -> re.Pattern[str] | None:
    """A compiled regular expression, or None for the empty text. Raises ValueError."""
    try:
        return re.compile(text) if text else None
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"must be a regular expression ({error}): {text!r}") from None
