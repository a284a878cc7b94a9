"""The unit files in etc/: systemd finds nothing wrong with them, and they say what docs/operations.md promises."""

from pathlib import Path

import pytest

from tests.support.net import require
from tests.support.programs import run

ETC = Path(__file__).parent.parent / "etc"


@pytest.mark.integration
def test_systemd_finds_nothing_wrong_with_the_units():
    analyze = require("systemd-analyze")
    assert run([analyze, "verify", "--man=no", *map(str, sorted(ETC.glob("httptee*.s*")))]) == ""


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


@pytest.mark.integration
@pytest.mark.parametrize("unit", ["httptee.service", "httptee-judge.service"])
def test_systemd_rates_the_services_as_well_protected(unit):
    analyze = require("systemd-analyze")
    said = run([analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(ETC / unit)])
    assert f"Overall exposure level for {unit}" in said  # a level over 2.0 ends it with status 1


@pytest.mark.parametrize("line", ["LogsDirectory=httptee", "StateDirectory=httptee", "LoadCredential=httptee.key"])
def test_the_service_has_the_directories_and_the_key_that_the_install_page_names(line):
    assert line in (ETC / "httptee.service").read_text().splitlines()
    page = (ETC.parent / "docs" / "install.md").read_text()
    for place in ("/var/log/httptee/", "/var/lib/httptee", "/run/credentials/httptee.service/httptee.key"):
        assert place in page
