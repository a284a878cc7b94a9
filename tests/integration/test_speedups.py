"""The extension compiles without a warning, and its tests pass under the sanitizers of the compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.net import require

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parent.parent.parent
OF_WHAT_IT_DOES = [
    "tests/test_quick.py",
    "tests/test_quick_frames.py",
    "tests/test_quick_sockets.py",
    "tests/journal",
    "tests/recording/test_inlet.py",
    "tests/recording/test_outlet.py",
    "tests/recording/test_recorder.py",
    "tests/recording/test_rows.py",
    "tests/recording/test_scribe.py",
    "tests/recording/test_sieve.py",
]
FLAGS = ["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-DPy_LIMITED_API=0x030a0000"]
INSTEAD = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("httptee._speedups", {path!r})
module = sys.modules["httptee._speedups"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
"""


def compiled(directory: Path, *flags: str) -> Path:
    made = directory / "_speedups.so"
    include = f"-I{sysconfig.get_paths()['include']}"
    sources = sorted(map(str, (ROOT / "httptee" / "native").glob("*.c")))
    argv = [require("gcc"), *FLAGS, *flags, include, *sources, "-o", str(made)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    return made


@pytest.mark.parametrize("level", ["-O0", "-O3"])
def test_it_compiles_without_a_warning(tmp_path: Path, level: str) -> None:
    compiled(tmp_path, level)


def test_its_tests_pass_under_the_sanitizers(tmp_path: Path) -> None:
    flags = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
    made = compiled(tmp_path, *flags)
    (tmp_path / "sitecustomize.py").write_text(INSTEAD.format(path=str(made)))
    library = subprocess.run(
        [require("gcc"), "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    env = os.environ | {
        "ASAN_OPTIONS": "detect_leaks=0",
        "HTTPTEE_PURE": "",
        "LD_PRELOAD": library,
        "PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))),
    }
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OF_WHAT_IT_DOES]
    ran = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "passed" in ran.stdout
    assert "skipped" not in ran.stdout
