"""The unit files in etc/: systemd finds nothing wrong with them, and they say what docs/operations.md promises."""

from pathlib import Path

import pytest

from tests.support.net import require
from tests.support.programs import run

ETC = Path(__file__).parent.parent / "etc"


@pytest.mark.integration
def test_systemd_finds_nothing_wrong_with_the_units():
    analyze = require("systemd-analyze")
    assert run([analyze, "verify", "--man=no", str(ETC / "httptee.service"), str(ETC / "httptee.socket")]) == ""


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "KillMode=mixed",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
    ],
)
def test_the_service_is_notified_reloaded_and_hardened(line):
    assert line in (ETC / "httptee.service").read_text().splitlines()
