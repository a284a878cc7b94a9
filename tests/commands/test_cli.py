import re
from pathlib import Path

import pytest

from httptee import commands
from httptee.settings.option_texts import help_text

ROOM = Path(commands.__file__).parent
COMMANDS = sorted(path.stem for path in ROOM.glob("*.py") if path.stem not in ("__init__", "cli"))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_loaded_by_name_and_named_wherever_commands_are_listed(name):
    assert f"from httptee.commands.{name} import" in (ROOM / "cli.py").read_text()
    if name != "run":  # `httptee [options]`
        readme = (ROOM.parents[1] / "README.md").read_text()
        for text in (help_text(), readme):
            assert re.search(rf"httptee (--)?{name}\b", text)


def test_the_docstring_of_the_room_lists_the_commands():
    listed = re.search(r"one module each: (.*?)\.", commands.__doc__)[1]
    assert sorted(listed.split(", ")) == COMMANDS
