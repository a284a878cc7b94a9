"""The sdist and the wheel: what is in them, and what works in a virtual environment that has the wheel alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.house import ROOT
from tests.support.net import free_port
from tests.support.process import Program, clean_environment
from tests.support.programs import run
from tests.support.tee import STARTED

pytestmark = pytest.mark.integration

NOT_IN_A_CHECKOUT = shutil.ignore_patterns(
    *(".git", ".tox", ".venv", "venv", "dist", "*.egg-info", "*.so", "__pycache__", ".*_cache", ".hypothesis"),
    "results",
)
OF_THE_FORGE = {".gitignore"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist, unpacked too, and the wheel that was built from it."""
    root = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, root / "checkout", ignore=NOT_IN_A_CHECKOUT)
    shutil.rmtree(root / "checkout" / "build", ignore_errors=True)  # only here, and not httptee/build/
    # The tools are those of this environment: an environment of its own would need a network.
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(root), str(root / "checkout")])
    (sdist,) = root.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(root / "unpacked", filter="data")
    return root


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a virtual environment with the wheel, which finds the libraries of this environment besides."""
    home = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", str(home)])
    (wheel,) = built.glob("*.whl")
    run([str(home / "bin" / "pip"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)])
    (libraries,) = home.glob("lib/python*/site-packages")
    paths = sysconfig.get_paths()
    (libraries / "libraries.pth").write_text("\n".join(dict.fromkeys((paths["purelib"], paths["platlib"]))))
    return home


def in_it(installed: Path, *words: str, code: int = 0) -> str:
    """What the installed program prints."""
    done = subprocess.run(
        [str(installed / "bin" / "httptee"), *words],
        cwd=installed, env=clean_environment(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_descriptions_are_as_a_package_index_wants_them(built: Path) -> None:
    files = map(str, [*built.glob("*.tar.gz"), *built.glob("*.whl")])
    assert "FAILED" not in run([sys.executable, "-m", "twine", "check", "--strict", *files])


def test_the_sdist_has_every_file_of_the_tree(built: Path) -> None:
    (unpacked,) = (built / "unpacked").iterdir()
    checkout = built / "checkout"
    everything = {path.relative_to(checkout).as_posix() for path in checkout.rglob("*") if path.is_file()}
    everything = {name for name in everything if ".egg-info/" not in name} - OF_THE_FORGE
    assert everything <= {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}


def test_tests_that_read_other_files_pass_in_the_sdist(built: Path) -> None:
    """The files that tests read are what an sdist mostly lacks. All unit tests: see CONTRIBUTING.md, A release."""
    (unpacked,) = (built / "unpacked").iterdir()
    tests = [
        *map(str, sorted(unpacked.glob("tests/test_*.py"))),
        str(unpacked / "tests" / "commands" / "test_files.py"),
    ]
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not integration", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=unpacked, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_wheel_has_the_files_of_etc_and_the_places_where_shells_and_man_look(installed: Path) -> None:
    for folder in sorted((ROOT / "etc").rglob("*")):
        if folder.is_file() and folder.suffix in (".ini", ".service", ".socket", ".yaml", ".yml", ".json"):
            (copy,) = installed.glob(f"lib/python*/site-packages/httptee/etc/{folder.relative_to(ROOT / 'etc')}")
            assert copy.read_bytes() == folder.read_bytes()
    for name in (
        "man/man1/httptee.1",
        "bash-completion/completions/httptee",
        "zsh/site-functions/_httptee",
        "fish/vendor_completions.d/httptee.fish",
    ):
        assert (installed / "share" / name).is_file()


def test_the_wheel_has_the_extension_for_all_versions_of_python_and_runs_without_it_too(
    built: Path, installed: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    assert "-cp310-abi3-" in wheel.name
    argv = [str(installed / "bin" / "python"), "-c", "from httptee.quick import native; print(native)"]
    for pure, printed in (("", "True"), ("1", "False")):
        env = clean_environment() | {"HTTPTEE_PURE": pure}
        done = subprocess.run(argv, cwd=installed, env=env, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == printed


def test_the_installed_program_prints_its_files(installed: Path) -> None:
    assert in_it(installed, "config") == (ROOT / "etc" / "httptee.ini").read_text()
    assert in_it(installed, "config", "--unit") == (ROOT / "etc" / "httptee.service").read_text()
    assert in_it(installed, "completion", "zsh") == (ROOT / "etc" / "completions" / "zsh" / "_httptee").read_text()
    assert in_it(installed, "man").startswith(".TH HTTPTEE 1")


def test_the_installed_program_checks_explains_and_demonstrates(installed: Path) -> None:
    with Backend() as a:
        assert "connected in" in in_it(installed, "check", "-a", a.url)
    assert "gets it" in in_it(installed, "explain", "-b", "canary:1", "GET /x")
    assert "They agree." in in_it(installed, "--demo")


def test_the_installed_program_serves_and_has_its_page(installed: Path) -> None:
    port = free_port()
    command = [str(installed / "bin" / "httptee"), "-l", "127.0.0.1:0", "-a", "127.0.0.1:1", "-processes", "1"]
    with Program([*command, "-admin", f"127.0.0.1:{port}"], cwd=installed) as tee:
        tee.wait_for_line(STARTED)
        page = ask(port, target="/")
        assert page.status == 200
        files = re.findall(rb'(?:href|src)="(/page/[^"]+)"', page.body)
        assert len(files) == 3
        assert [ask(port, target=file.decode()).status for file in files] == [200, 200, 200]


def test_man_finds_the_page_beside_the_program(installed: Path) -> None:
    path = f"{installed / 'bin'}{os.pathsep}{os.environ['PATH']}"
    assert run(["man", "-w", "httptee"], env={"PATH": path, "MANPATH": ""}).strip() == str(
        installed / "share" / "man" / "man1" / "httptee.1"
    )
