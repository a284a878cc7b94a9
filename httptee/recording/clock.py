"""Dates and times of ISO 8601, as files of other programs and operators write them."""

from __future__ import annotations

import re
from datetime import datetime


def read_time(text: str) -> datetime:
    """A date and time. Raises ValueError.

    Python 3.10 reads no `Z`, and only fractions of three or six digits.
    """
    text = re.sub(r"[zZ]$", "+00:00", text)
    return datetime.fromisoformat(re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", text))
