"""docs/install.md, followed as it is printed in a root directory of a fresh Debian.

Run it by its name: `python -m pytest tests/installed/root_directory.py`. It is no part of `.ci/run`: it needs root's
rights, debootstrap and a mirror of Debian, and some minutes.

systemd does not run in there: `systemctl.py` beside this file stands in for it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.installed.roots import Root, copy, download, fresh
from tests.support.backend import Backend
from tests.support.net import eventually, free_port, require
from tests.support.programs import run

SOURCE = ("httptee", "etc", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    made = fresh(tmp_path_factory.mktemp("root") / "fresh")
    copy(SOURCE, made / "root/httptee")
    shutil.copy(Path(__file__).parent / "systemctl.py", made / "usr/bin/systemctl")
    (made / "usr/bin/systemctl").chmod(0o755)
    download(made / "wheels", "pipx", "pip")
    yield made
    for pid in (made / "run/stand-in").glob("*.pid"):
        made.run(f"systemctl stop {pid.stem}")


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


def test_pipx_installs_for_all_users(root: Root) -> None:
    """With a pipx that is as new as the page asks for: Debian's own is older."""
    root.run("python3 -m venv /opt/pipx && /opt/pipx/bin/pip install --quiet pipx && ln -s /opt/pipx/bin/pipx /usr/bin")
    root.follow("pipx install --global")
    assert root.run("command -v httptee", directory="/").strip() == "/usr/local/bin/httptee"
    assert (root / "usr/local/share/man/man1/httptee.1").is_symlink()  # to where pipx has installed it
    assert "the noise is noise." in root.run("/usr/local/bin/httptee --demo", directory="/", user="61200:61200")
