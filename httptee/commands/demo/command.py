"""`httptee --demo`: its words, and which acts it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from httptee.commands.demo.first_act import run_first_act
from httptee.commands.demo.second_act import run_second_act
from httptee.http import without_userinfo
from httptee.settings import help_text


def run_demo_command(words: Sequence[str]) -> int:
    """Run `--demo`, `--demo serve` or `--demo=serve`; return the exit status."""
    rest = [*words[0].split("=", 1)[1:], *words[1:]]
    if rest and rest[0] in ("-h", "-help", "--help"):
        print(help_text(), end="")
        return 0
    unexpected = rest[1:] if rest[:1] == ["serve"] else rest
    if unexpected:
        said = f"unexpected argument {without_userinfo(unexpected[0])!r}"
        print(f"httptee: --demo: {said}; write --demo, or --demo serve to keep it running", file=sys.stderr)
        return 2
    if rest:
        return run_first_act(serve=True)
    return run_first_act() or run_second_act()
