"""Root directories of a fresh Debian, for what installs httptee as a whole machine would.

They need root's rights, debootstrap and a mirror of Debian. The first one is made once, in `.tox/bookworm`, and copied.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.documents import blocks
from tests.support.house import ROOT
from tests.support.net import require
from tests.support.process import clean_environment

BASE = ROOT / ".tox" / "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,man-db,procps,ca-certificates"
PAGE = blocks(ROOT / "docs" / "install.md")
# The libraries come from a directory: the root directory needs no index of packages.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "TERM": "dumb",
    "PIP_NO_INDEX": "1",
    "PIP_FIND_LINKS": "/wheels",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
}


class Root:
    """A root directory, in which commands run as root."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __truediv__(self, name: str) -> Path:
        return self.path / name.lstrip("/")

    def command(self, commands: str, directory: str = "/root/httptee", user: str = "0:0") -> list[str]:
        """What runs these commands in here. They see their own /proc, and the machine's /dev and loopback."""
        script = (
            f"mount -t proc proc {self.path}/proc && mount --rbind /dev {self.path}/dev && "
            f'exec chroot --userspec={user} {self.path} /bin/bash -c "$0"'
        )
        inner = f"cd {directory} && set -e\n{commands}"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, inner]

    def run(self, commands: str, directory: str = "/root/httptee", user: str = "0:0", **env: str) -> str:
        """What these commands print."""
        done = subprocess.run(
            self.command(commands, directory, user), env=ENVIRONMENT | env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        journal = self / "run/stand-in/httptee.journal"
        said = f"{done.stdout}\n{journal.read_text() if journal.exists() else ''}"
        assert done.returncode == 0, f"{commands}\nended with {done.returncode} and said:\n{said}"
        return done.stdout

    def follow(self, start: str) -> str:
        """Run the block of the page that starts like this, as it is printed."""
        (block,) = [block for block in PAGE if block.commands.startswith(start)]
        return self.run(block.commands)

    def journal(self) -> str:
        return (self / "run/stand-in/httptee.journal").read_text()


def fresh(path: Path) -> Root:
    """A new root directory at a path."""
    if os.geteuid() != 0:
        pytest.skip("only root may change its root directory")
    if not (BASE / "etc" / "debian_version").exists():
        command = [require("debootstrap"), "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(BASE)]
        subprocess.run(command, check=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(BASE), str(path)], check=True)
    return Root(path)


def copy(names: Iterable[str], to: Path) -> None:
    """Copy files and folders of this repository."""
    to.mkdir(parents=True, exist_ok=True)
    for name in names:
        subprocess.run(["cp", "-a", str(ROOT / name), str(to)], check=True)


def download(to: Path, *more: str) -> None:
    """The libraries that the package needs, and `more`, for the Python of that Debian."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = config["options"]["install_requires"] + config["options.extras_require"]["all"] + "\nsetuptools"
    names = [line.partition(";")[0].strip() for line in wanted.splitlines() if line.strip()] + list(more)
    versions = ["--python-version", "3.11", "--only-binary", ":all:", "--no-cache-dir", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *versions, "--dest", str(to), *names]
    subprocess.run(command, check=True, env=clean_environment())
