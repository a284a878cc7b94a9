"""Results and the page."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.reports import document


def test_splice_replaces_only_what_is_between_its_markers() -> None:
    page = "a\n<!-- bench:tees -->\nold\n<!-- /bench:tees -->\nz\n"
    once = document.splice(page, "tees", "new")
    assert once == "a\n<!-- bench:tees -->\n\nnew\n\n<!-- /bench:tees -->\nz\n"
    assert document.splice(once, "tees", "new") == once
    with pytest.raises(BenchError, match="bench:influx"):
        document.splice(page, "influx", "new")
