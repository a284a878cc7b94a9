"""The documents as a reader has them: their fenced blocks, a fresh directory, and a shell in which they are typed."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from .house import ROOT
from .net import PATIENCE, free_port
from .process import clean_environment

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_CHECKOUT = ("httptee", "etc", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$|^## ([^\n]*)$", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(
    r"(?P<count>=[0-9]+(?: \([^)]*\))?(?=\s|$))|(?P<identifier>\([0-9a-f]{8}\))|(?P<address>127\.0\.0\.1)"
    r"|(?P<number>[0-9]+(?:[.,][0-9]+)*)|(?P<space>\s+)"
)
_SHAPES = {
    "count": r"=[0-9]+(?: \([^)]*\))?",
    "identifier": r"\([0-9a-f]{8}\)",
    "address": r"[0-9a-f:.]+(?: [0-9a-f:.]+)*",
    "number": "[0-9.,]+",
    "space": r"\s+",
}
_PORT = re.compile(r"(?:(?<=:)|(?<=-p ))[0-9]{4,5}\b")
_OF_THE_MACHINE = re.compile(r"(?<![\w.}/])(?=/(?:opt|etc|usr|var|tmp)/)")


@dataclass(frozen=True)
class Block:
    """One block of commands, with the output that the page shows below it ("": none)."""

    page: str
    chapter: str
    commands: str
    output: str = ""


def blocks(page: Path) -> list[Block]:
    """The blocks of commands of a page. A block without a language that comes next is the output."""
    found: list[Block] = []
    chapter, language_before = "", ""
    for language, text, heading in _FENCED.findall(page.read_text(encoding="utf-8")):
        if heading:
            chapter = heading
            continue
        if language == "sh":
            found.append(Block(page.relative_to(ROOT).as_posix(), chapter, text))
        elif language_before == "sh" and not language:
            found[-1] = Block(found[-1].page, found[-1].chapter, found[-1].commands, text)
        language_before = language or "output"
    return found


def missing(expected: str, output: str) -> str:
    """The first line of `expected` whose shape no line of `output` has, each after the line before it; "" if all are
    there. Numbers, hexadecimal identifiers, white space and what stands in brackets after a count may differ."""
    lines = iter(output.splitlines())
    for line in expected.splitlines():
        shape = _shape(line.strip())
        if line.strip() and not any(shape.fullmatch(other.strip()) for other in lines):
            return line
    return ""


def _shape(line: str) -> re.Pattern[str]:
    """The pattern of a line."""
    pattern, end = "", 0
    for token in _TOKEN.finditer(line):
        pattern += re.escape(line[end : token.start()]) + _SHAPES[token.lastgroup or ""]
        end = token.end()
    return re.compile(pattern + re.escape(line[end:]))


def fresh_directory(root: Path) -> Path:
    """A checkout below `root`, and a `python3` whose virtual environments need no network."""
    checkout = root / "checkout"
    checkout.mkdir()
    for name in _CHECKOUT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, checkout)
    for folder in ("bin", "etc/systemd/system", "opt", "usr/local/bin", "var/log/httptee", "tmp"):
        (root / folder).mkdir(parents=True)
    for name in ("gunicorn", "waitress-serve"):
        (root / "bin" / name).symlink_to(Path(sys.executable).parent / name)
    _script(root / "bin" / "python3", _PYTHON3)
    return checkout


def _script(path: Path, text: str) -> None:
    entry = configparser.ConfigParser()
    entry.read(ROOT / "setup.cfg")
    module, _, function = entry["options.entry_points"]["console_scripts"].strip().partition(" = ")[2].partition(":")
    paths = sysconfig.get_paths()
    for name, value in {
        "PYTHON": sys.executable,
        "LIBRARIES": "\n".join(dict.fromkeys((paths["purelib"], paths["platlib"]))),
        "PIP": _PIP,
        "CONSOLE": f"from {module} import {function}",
        "FUNCTION": function,
    }.items():
        text = text.replace(f"<{name}>", value)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


# `python3 -m venv DIR` makes a real environment that also finds the libraries of the tests' own. Its pip installs this
# package as pip does, by a copy and a script for the entry point of setup.cfg, and nothing else.
_PYTHON3 = """#!<PYTHON>
import os, subprocess, sys, sysconfig
from pathlib import Path

subprocess.run(["<PYTHON>", "-m", "venv", "--without-pip", *sys.argv[3:]], check=True)
assert sys.argv[1:3] == ["-m", "venv"], sys.argv
here = Path(sys.argv[3]).absolute()
libraries, = here.glob("lib/python*/site-packages")
(libraries / "libraries.pth").write_text('''<LIBRARIES>''')
pip = here / "bin" / "pip"
pip.write_text(f"#!{here}/bin/python\\n" + '''<PIP>''')
pip.chmod(0o755)
"""
_PIP = """import shutil, sys
from pathlib import Path

assert sys.argv[1] == "install" and sys.argv[-1] == ".", sys.argv
here = Path(sys.prefix)
libraries, = here.glob("lib/python*/site-packages")
shutil.copytree("httptee", libraries / "httptee", dirs_exist_ok=True)
shutil.copytree("etc", libraries / "httptee" / "etc", dirs_exist_ok=True)
script = here / "bin" / "httptee"
script.write_text(f"#!{here}/bin/python\\\\nimport sys\\\\n<CONSOLE>\\\\nsys.exit(<FUNCTION>())\\\\n")
script.chmod(0o755)
"""


class Elsewhere:
    """What a page names, at other places: ports that are free, directories below `root`, servers of this machine."""

    def __init__(self, root: Path, servers: dict[str, str]) -> None:
        self._root = root
        self._servers = servers
        self._ports: dict[str, str] = {}
        self._loops: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        for name, address in self._servers.items():
            text = re.sub(rf"(?<![\w.]){re.escape(name)}(?!\w)", address.replace(":", "\0"), text)
        # In a loop over n, `1908$n` stands for the ports 19081 and 19082.
        for start in re.findall(r":([0-9]{4})\$n", text):
            self._loops.setdefault(start, _two_free_ports())
        text = _PORT.sub(lambda found: self._port(found[0]), text)
        return _OF_THE_MACHINE.sub(str(self._root), text).replace("\0", ":")

    def _port(self, printed: str) -> str:
        """The port in place of a printed one."""
        if printed[:4] in self._loops:
            return self._loops[printed[:4]] + printed[4:]
        return self._ports.setdefault(printed, str(free_port()))


def _two_free_ports() -> str:
    """Four digits that make a free port with a 1 and with a 2 behind them."""
    first, second = free_port(), free_port()
    while first % 10 != 1 or second != first + 1:
        first, second = second, free_port()
    return str(first // 10)


class Terminal:
    """A shell in which blocks are run one after another. Leaving it ends all that they have started."""

    def __init__(self, directory: Path, path: list[Path], env: dict[str, str]) -> None:
        self._script = directory.parent / "typed.sh"
        self._lines: list[str] = []
        self._more = threading.Condition()
        search = os.pathsep.join([*map(str, path), os.environ["PATH"]])
        self._shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env=clean_environment({"PATH": search, "HOME": str(directory.parent), **env}),
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="terminal")
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._shell.pid, signal.SIGKILL)
        self._shell.wait()
        self._reader.join(PATIENCE)
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._shell.stdin.close()
        self._shell.stdout.close()

    def _read(self) -> None:
        assert self._shell.stdout is not None
        for line in self._shell.stdout:
            with self._more:
                self._lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._lines.append("")
            self._more.notify_all()

    def run(self, commands: str) -> tuple[int, str]:
        """Run commands; return the status of the last one and what was printed meanwhile."""
        mark = uuid.uuid4().hex
        self._script.write_text(commands + "\n", encoding="utf-8")
        assert self._shell.stdin is not None
        start = len(self._lines)
        self._shell.stdin.write(f". '{self._script}' </dev/null; printf '\\n%s %s\\n' {mark} $?\n")
        self._shell.stdin.flush()
        with self._more:
            self._more.wait_for(lambda: any(mark in line for line in self._lines[start:]), 2 * PATIENCE)
            printed = self._lines[start:]
        if not any(mark in line for line in printed):
            pytest.fail(f"no end of\n{commands}\nit said:\n" + "\n".join(printed))
        (at,) = (at for at, line in enumerate(printed) if mark in line)
        return int(printed[at].split()[-1]), "\n".join(printed[:at])
