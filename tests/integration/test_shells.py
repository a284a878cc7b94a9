"""The completions in the shells themselves, and the man page in man: what a TAB offers, and how the page reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.house import ROOT
from tests.support.net import require
from tests.support.programs import run

pytestmark = pytest.mark.integration

COMPLETIONS = ROOT / "etc" / "completions"
OFFERED = [
    # what is typed, the words that are offered among others
    ("httptee -a.tim", ["-a.timeout"]),
    ("httptee compl", ["completion"]),
    ("httptee completion ", ["bash", "zsh", "fish"]),
    ("httptee -client-auth ", ["required", "optional"]),
    ("httptee check -b.when-a-fails ", ["drop", "send"]),
]

BASH = """
. "$0"
read -ra COMP_WORDS <<< "$1"
case $1 in *" ") COMP_WORDS+=("") ;; esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_shtab_httptee httptee "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$((COMP_CWORD - 1))]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

# A zsh in a terminal of its own, in which the words and two TABs are typed. It is read until it shows all that is
# expected, for 20 seconds at most.
ZSH = """
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'PS1=; autoload -U compinit; compinit -u -D; . '$1'; compdef _shtab_httptee httptee; print REA""DY'
zpty -r -m inner line '*READY*'
zpty -n -w inner "$2"$'\\t\\t'
shown=
for turn in {1..400}; do
    while zpty -r -t inner line; do shown+=$line; done
    missing=0
    for word in "${@:3}"; do [[ $shown == *$word* ]] || missing=1; done
    (( missing )) || break
    sleep 0.05
done
print -r -- "$shown"
zpty -d inner
"""


@pytest.mark.parametrize(("typed", "offered"), OFFERED)
def test_bash_offers_it(typed: str, offered: list[str]) -> None:
    printed = run([require("bash"), "-c", BASH, str(COMPLETIONS / "bash" / "httptee"), typed])
    assert set(offered) <= set(printed.split())


@pytest.mark.parametrize(("typed", "offered"), OFFERED)
def test_fish_offers_it(typed: str, offered: list[str], tmp_path: Path) -> None:
    typed = typed.replace(" -", " --")  # for fish the options have two dashes
    script = "source $argv[1]; complete -C $argv[2]"
    command = [require("fish"), "-N", "-c", script, str(COMPLETIONS / "fish" / "httptee.fish"), typed]
    lines = run(command, env={"HOME": str(tmp_path)}).splitlines()
    assert {word.replace("-a.t", "--a.t") for word in offered} <= {line.split("\t")[0] for line in lines}


@pytest.mark.parametrize(("typed", "offered"), OFFERED)
def test_zsh_offers_it(typed: str, offered: list[str]) -> None:
    printed = run([require("zsh"), "-f", "-c", ZSH, "zsh", str(COMPLETIONS / "zsh" / "_httptee"), typed, *offered])
    for word in offered:
        assert word in printed, printed


def test_man_has_nothing_to_complain_about() -> None:
    page = run([require("man"), "--warnings", "-l", str(ROOT / "etc" / "man" / "httptee.1")], env={"MANWIDTH": "100"})
    assert page.startswith("HTTPTEE(1)")
    assert "warning" not in page
    assert "-a.timeout MILLISECONDS" in page
