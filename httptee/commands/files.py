"""`httptee config`, `completion` and `man`: print the files of `etc/` that are installed with the program."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CONFIG = {
    "": "httptee.ini",
    "--unit": "httptee.service",
    "--socket": "httptee.socket",
    "--judge-unit": "httptee-judge.service",
    "--kubernetes": "kubernetes.yaml",
    "--kubernetes-tees": "kubernetes-tees.yaml",
    "--prometheus": "prometheus.yml",
    "--alerts": "alerts.yml",
    "--grafana": "grafana.json",
}
"""What each word of `httptee config` prints."""
COMPLETION = {
    "bash": "completions/bash/httptee",
    "zsh": "completions/zsh/_httptee",
    "fish": "completions/fish/httptee.fish",
}
"""The completions of each shell."""
MAN_PAGE = "man/httptee.1"
_PACKAGE = Path(__file__).parent.parent


def run_files(command: str, words: Sequence[str]) -> int:
    """Run one of the three commands; return its exit status: 0, 2 for wrong words, 1 for a file that is missing."""
    known = {"config": CONFIG, "completion": COMPLETION, "man": {"": MAN_PAGE}}[command]
    word = words[0] if words else ""
    if len(words) > 1 or word not in known:
        choice = "|".join(filter(None, known))
        optional = f"[{choice}]" if "" in known else choice
        print(f"httptee: usage: httptee {command} {optional if choice else ''}".rstrip(), file=sys.stderr)
        return 2
    path = packaged(known[word])
    if not path.is_file():
        print(f"httptee: {known[word]} is not installed with this version", file=sys.stderr)
        return 1
    if command == "man" and sys.stdout.isatty() and (program := shutil.which("man")):
        return subprocess.run([program, "-l", str(path)], check=False).returncode
    print(path.read_text(encoding="utf-8"), end="")
    return 0


def packaged(name: str) -> Path:
    """The path of a file of `etc/`: in the installed package or, in a checkout, beside the package."""
    installed = _PACKAGE / "etc" / name
    return installed if installed.exists() else _PACKAGE.parent / "etc" / name
