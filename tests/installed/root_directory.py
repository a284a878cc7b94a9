"""docs/install.md, followed as it is printed in a root directory of a fresh Debian.

Run it by its name: `python -m pytest tests/installed/root_directory.py`. It is no part of `.ci/run`: it needs root's
rights, debootstrap and a mirror of Debian, and some minutes. The root directory is made once, in `.tox/bookworm`.

systemd does not run in there: `systemctl.py` beside this file stands in for it.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.backend import Backend
from tests.support.documents import blocks
from tests.support.house import ROOT
from tests.support.net import eventually, free_port, require
from tests.support.process import clean_environment
from tests.support.programs import run

BASE = ROOT / ".tox" / "bookworm"
PACKAGES = "python3,python3-venv,python3-pip,man-db,procps,ca-certificates"
SOURCE = ("httptee", "etc", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")
PAGE = blocks(ROOT / "docs" / "install.md")


class Root:
    """A root directory, in which commands run as root."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __truediv__(self, name: str) -> Path:
        return self.path / name.lstrip("/")

    def run(self, commands: str, directory: str = "/root/httptee") -> str:
        """What these commands print. They see their own /proc, and the machine's /dev and loopback."""
        inner = f"cd {directory} && set -e\n{commands}"
        script = (
            f"mount -t proc proc {self.path}/proc && mount --rbind /dev {self.path}/dev && "
            f'exec chroot {self.path} /bin/bash -c "$0"'
        )
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        # The libraries come from a directory: the root directory needs no index of packages.
        env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "TERM": "dumb"}
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, inner],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300, check=False,
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


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    if os.geteuid() != 0:
        pytest.skip("only root may change its root directory")
    if not (BASE / "etc" / "debian_version").exists():
        command = [require("debootstrap"), "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(BASE)]
        subprocess.run(command, check=True)
    path = tmp_path_factory.mktemp("root") / "fresh"
    subprocess.run(["cp", "-a", "--reflink=auto", str(BASE), str(path)], check=True)
    made = Root(path)
    (made / "root/httptee").mkdir()
    for name in SOURCE:
        run(["cp", "-a", str(ROOT / name), str(made / "root/httptee")])
    shutil.copy(Path(__file__).parent / "systemctl.py", made / "usr/bin/systemctl")
    (made / "usr/bin/systemctl").chmod(0o755)
    download(made / "wheels")
    yield made
    for pid in (made / "run/stand-in").glob("*.pid"):
        made.run(f"systemctl stop {pid.stem}")


def download(to: Path) -> None:
    """The libraries that the package needs, for the Python of that Debian."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    wanted = config["options"]["install_requires"] + config["options.extras_require"]["all"] + "\nsetuptools"
    names = [line.partition(";")[0].strip() for line in wanted.splitlines() if line.strip()]
    versions = ["--python-version", "3.11", "--only-binary", ":all:", "--no-cache-dir", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *versions, "--dest", str(to), *names]
    subprocess.run(command, check=True, env=clean_environment())


def ask(*words: str) -> str:
    return run([require("curl"), "-sS", "--noproxy", "*", "-i", *words])


def write_options(root: Root, **options: str) -> None:
    """Set options in the file as an operator does: below its sample."""
    sample = (root / "etc/httptee.ini").read_text().partition("\n# --- ours\n")[0]
    lines = [f"{name.replace('__', '.').replace('_', '-')} = {value}" for name, value in options.items()]
    (root / "etc/httptee.ini").write_text("\n".join([sample, "# --- ours", *lines, ""]))


def test_the_page_can_be_followed_from_nothing_to_a_service_and_back(root: Root) -> None:
    assert "httptee" in root.follow("python3 -m venv /opt/httptee")
    root.follow("ln -s /opt/httptee/bin/httptee")
    assert "the noise is noise." in root.follow("/opt/httptee/bin/httptee --demo")
    root.follow("mkdir -p /etc/bash_completion.d")
    assert (root / "etc/bash_completion.d/httptee").stat().st_size
    assert root.run("man -w httptee").endswith("/man/man1/httptee.1\n")
    with Backend() as a, Backend() as b:
        options = {"a": a.url, "l": f"127.0.0.1:{free_port()}", "access_log": "/var/log/httptee/access.log"}
        root.run("httptee config > /etc/httptee.ini")
        write_options(root, **options, b=b.url, verdict="/var/lib/httptee")
        assert root.run("httptee check --config /etc/httptee.ini").count("connected in") == 2
        assert "READY=1" in root.follow("httptee config --unit")

        assert "HTTP/1.1 200 " in ask(f"http://{options['l']}/followed")
        assert [request.target for request in a.requests] == ["/followed"]
        eventually(lambda: [request.target for request in b.requests] == ["/followed"], "the clone at B")
        write_options(root, **options, b=b.url, verdict="/var/lib/httptee", b__percent="50")
        root.run("systemctl reload httptee")
        assert re.search(r"INFO reloaded: .*b\.percent", root.journal())

        log = root / "var/log/httptee/access.log"
        assert "GET /followed HTTP/1.1" in log.read_text()
        assert log.stat().st_uid == 61200
        assert [path for path in (root / "var/lib/httptee").iterdir() if path.stat().st_uid == 61200]
        the_key_is_readable_for_the_service_alone(root, options, b.url)
        root.follow("/opt/httptee/bin/pip install --upgrade")
        root.follow("systemctl disable --now httptee")
    assert "INFO drained in" in root.journal()
    assert "Traceback" not in root.journal()
    assert not (root / "opt/httptee").exists()
    assert not (root / "usr/local/bin/httptee").is_symlink()


def the_key_is_readable_for_the_service_alone(root: Root, options: dict[str, str], b: str) -> None:
    """Serve HTTPS with a key that only root may read in its place, and the service in the place of its credentials."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    (root / "etc/httptee").mkdir()
    certificate.cert_chain_pems[0].write_to_path(root / "etc/httptee/cert.pem")
    certificate.private_key_pem.write_to_path(root / "root/httptee/privkey.pem")
    authority.cert_pem.write_to_path(root / "ca.pem")
    key = "/run/credentials/httptee.service/httptee.key"
    write_options(root, **options, b=b, cert__file="/etc/httptee/cert.pem", key__file=key)
    root.follow("install -D -m 0600 privkey.pem")
    assert "HTTP/1.1 200 " in ask("--cacert", str(root / "ca.pem"), f"https://{options['l']}/over/tls")
    assert (root / "etc/credstore/httptee.key").stat().st_mode & 0o777 == 0o600
    as_it = "setpriv --reuid=61200 --regid=61200 --clear-groups"
    assert "BEGIN" in root.run(f"{as_it} cat {key}")
    assert "Permission denied" in root.run(f"{as_it} cat /etc/credstore/httptee.key 2>&1 || true")
    assert "Permission denied" in root.run(f"setpriv --reuid=61201 --regid=61201 --clear-groups cat {key} 2>&1 || true")
