"""What README promises about options, reasons and rooms is held to the program."""

import re
from pathlib import Path

from httptee.errors import UPSTREAM_REASONS
from httptee.ledger.columns import DROP_REASONS, FAILURE_REASONS
from httptee.settings.options import OPTIONS
from tests.support.house import room_map

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_the_option_table_has_every_option_with_its_names_and_default():
    table = re.search(r"<!-- options -->\n(.*)<!-- /options -->", README, re.DOTALL)[1]
    documented = [(re.findall(r"`-([^`]+)`", names), default.strip("`")) for names, default, _ in rows(table)[2:]]
    assert documented == [([option.name, *option.aliases], option.default) for option in OPTIONS]


def test_every_failure_and_every_status_of_a_is_explained():
    for reason in FAILURE_REASONS:
        assert f"`{reason}`" in README
    for reason in UPSTREAM_REASONS:
        assert f"`primary_{reason}`" in README


def test_every_drop_reason_that_can_occur_is_explained():
    source = "".join(path.read_text() for path in (ROOT / "httptee").rglob("*.py") if path.name != "columns.py")
    occurring = [reason for reason in DROP_REASONS if f'"{reason}"' in source]
    assert occurring
    for reason in occurring:
        assert f"`{reason}`" in README


def test_the_map_is_the_one_the_docstrings_make():
    assert re.search(r"<!-- rooms -->\n(.*)\n<!-- /rooms -->", README, re.DOTALL)[1] == room_map()
