"""What is made from the code stands in the tree as it would be made now: `python -m tests.support.generate`."""

import pytest

from httptee.settings.options import OPTIONS
from tests.support.command_line import completions
from tests.support.generate import GENERATED
from tests.support.house import ROOT
from tests.support.man_page import man_page


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_file_is_what_the_tables_make(name):
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATED[name]()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_option_is_in_the_completions(shell):
    text = completions(shell)
    for option in OPTIONS:
        for name in (option.name, *option.aliases):
            assert name in text


def test_every_option_is_in_the_man_page():
    text = man_page().replace(r"\-", "-")
    for option in OPTIONS:
        assert rf"\fB-{option.name}\fR" in text
