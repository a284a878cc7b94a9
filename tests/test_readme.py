"""What README promises about options, reasons and rooms is held to the program."""

import configparser
import re
from pathlib import Path

from httptee.errors import REFUSAL_REASONS, UPSTREAM_REASONS, Refusal
from httptee.ledger.columns import DROP_REASONS, FAILURE_REASONS
from httptee.logs.formats import FORMATS
from httptee.settings.option_texts import COMMANDS
from httptee.settings.options import BY_NAME, OPTIONS
from tests.admin.page import make
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


def test_every_answer_of_the_tees_own_is_in_the_table_under_its_status():
    answers = {reason: cells[0] for cells in rows(README) for reason in re.findall(r"`(\w+)`", cells[1])}
    assert answers.keys() >= set(REFUSAL_REASONS)
    for refusal in Refusal.__subclasses__():
        assert str(refusal.status) in answers[refusal.reason].split(", "), refusal


def test_every_check_that_drops_a_clone_is_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text()
    for reason in DROP_REASONS:
        assert f"`{reason}`" in page


def test_pages_and_formats_are_named_in_the_help_and_in_the_option_table():
    help_of = {name: option.help for name, option in BY_NAME.items()}
    for page in ["/", *make().admin._pages]:
        assert page in help_of["admin"]
        assert f"`{page}`" in README
    for name in FORMATS:
        assert name in help_of["access-log-format"]
        assert f"`{name}`" in README


def test_every_drop_reason_that_can_occur_is_explained():
    source = "".join(path.read_text() for path in (ROOT / "httptee").rglob("*.py") if path.name != "columns.py")
    occurring = [reason for reason in DROP_REASONS if f'"{reason}"' in source]
    assert occurring
    for reason in occurring:
        assert f"`{reason}`" in README


def test_the_map_is_the_one_the_docstrings_make():
    assert re.search(r"<!-- rooms -->\n(.*)\n<!-- /rooms -->", README, re.DOTALL)[1] == room_map()


def test_the_page_about_the_installation_names_every_library():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = config["options"]["install_requires"] + config["options.extras_require"]["all"]
    named = (ROOT / "docs" / "install.md").read_text()
    names = re.findall(r"^([\w.-]+)", wanted, re.M)
    assert len(names) > 10
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", named)] == []


def test_every_command_is_named():
    assert [command.name for command in COMMANDS if f"httptee {command.name}" not in README] == []
