"""Dockerfile, compose.yaml, etc/kubernetes.yaml and etc/prometheus.yml: the linters and schemas accept them, and they
agree with each other and with the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from httptee.commands.judge.words import read_words
from httptee.settings.config import load
from httptee.settings.options import BY_NAME
from tests.support.house import ROOT
from tests.support.net import require
from tests.support.process import clean_environment
from tests.support.programs import run

BESIDE = Path(sys.executable).parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
TEES = ROOT / "etc" / "kubernetes-tees.yaml"
KUBERNETES = {one["kind"]: one for one in yaml.safe_load_all((ROOT / "etc" / "kubernetes.yaml").read_text())}


def accepts(*command):
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_hadolint_accepts_the_dockerfile():
    accepts(BESIDE / "hadolint", "--no-color", ROOT / "Dockerfile")


def test_the_schema_of_compose_accepts_the_file():
    schema = ("--builtin-schema", "vendor.compose-spec")
    accepts(sys.executable, "-m", "check_jsonschema", *schema, ROOT / "compose.yaml")


@pytest.mark.parametrize("name", ["kubernetes.yaml", "kubernetes-tees.yaml"])
def test_the_schema_of_kubernetes_accepts_the_files(name):
    accepts(BESIDE / "kubernetes-validate", "--strict", "--quiet", ROOT / "etc" / name)


def test_the_tees_and_their_judges_have_valid_options_and_one_file(tmp_path, monkeypatch):
    named = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(TEES.read_text())}
    (tmp_path / "httptee.ini").write_text(named["ConfigMap", "tee"]["data"]["httptee.ini"])
    settings = load(["--config", str(tmp_path / "httptee.ini")], {})
    (tee,) = named["StatefulSet", "tee"]["spec"]["template"]["spec"]["containers"]
    (judge,) = named["Deployment", "judge"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in (*tee["ports"], *judge["ports"])}
    assert (settings.listen.port, settings.admin.port) == (ports["tee"], ports["admin"])
    asked = read_words(judge["args"][1:])
    assert asked.options == ["--config=/etc/httptee/httptee.ini"]
    assert asked.address(settings.verdict_engine) == settings.verdict_engine == "redis://redis/verdict"
    assert settings.outbox.startswith(tee["volumeMounts"][1]["mountPath"])
    assert {variable["name"] for variable in tee["env"]} == {"HTTPTEE_INSTANCE", "HTTPTEE_ENGINE_PASSWORD"}
    assert BY_NAME["instance"].environment == "HTTPTEE_INSTANCE"


@pytest.mark.integration
def test_promtool_accepts_the_configuration_of_prometheus(tmp_path):
    text = (ROOT / "etc" / "prometheus.yml").read_text()
    (tmp_path / "prometheus.yml").write_text(text)
    for name in yaml.safe_load(text)["rule_files"]:
        rules = ROOT / "etc" / name
        (tmp_path / name).write_text(rules.read_text() if rules.exists() else "groups: []\n")
    assert "SUCCESS" in run([require("promtool"), "check", "config", str(tmp_path / "prometheus.yml")])


def test_the_image_runs_as_a_user_without_rights_and_is_watched():
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", DOCKERFILE, re.M)
    assert "\nHEALTHCHECK " in DOCKERFILE
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)) == {"debian:bookworm-slim"}


def test_the_build_gets_every_file_that_it_needs():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    license_and_readme = {"LICENSE", "README.md"}
    assert {"httptee", "etc", "setup.py", "setup.cfg", "pyproject.toml"} | license_and_readme == set(allowed)


def test_the_ports_of_the_image_are_those_that_the_others_use():
    assert re.search(r"^EXPOSE (.*)$", DOCKERFILE, re.M)[1].split() == ["8888", "8889"]
    settings = load([], dict(re.findall(r"(HTTPTEE_\w+)=(\S+)", DOCKERFILE)))
    assert (settings.listen.port, settings.admin.port) == (8888, 8889)
    assert [port.split(":")[-1] for port in COMPOSE["services"]["tee"]["ports"]] == ["8888", "8889"]
    prometheus = yaml.safe_load((ROOT / "etc" / "prometheus.yml").read_text())
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": ["tee:8889"]}]


def test_the_tee_of_compose_starts_with_valid_options():
    settings = load([], COMPOSE["services"]["tee"]["environment"])
    assert (str(settings.a), [str(b) for b in settings.b]) == ("http://a:8080", ["http://b:8080"])


def test_every_file_that_compose_mounts_is_there():
    mounts = [one for service in COMPOSE["services"].values() for one in service.get("volumes", ())]
    files = [mount.split(":")[0] for mount in mounts if mount.startswith("./")]
    assert "./etc/prometheus.yml" in files
    to_come = {"./etc/alerts.yml", "./etc/grafana.json"}
    assert [name for name in files if not (ROOT / name).exists() and name not in to_come] == []


def test_the_sidecar_has_valid_options_and_leads_to_the_application(tmp_path):
    pod = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
    containers = {one["name"]: one for one in pod["containers"]}
    ports = {port["name"]: port["containerPort"] for one in containers.values() for port in one["ports"]}
    (tmp_path / "httptee.ini").write_text(KUBERNETES["ConfigMap"]["data"]["httptee.ini"])
    settings = load(["--config", str(tmp_path / "httptee.ini")], {})
    assert (settings.listen.port, settings.admin.port, settings.a.port) == (ports["tee"], ports["admin"], ports["http"])
    assert KUBERNETES["Service"]["spec"]["ports"][0]["targetPort"] == "tee"
    assert containers["httptee"]["args"] == ["--config", "/etc/httptee/httptee.ini"]


def test_the_sidecar_has_the_time_and_the_application_the_patience_for_a_drain(tmp_path):
    pod = KUBERNETES["Deployment"]["spec"]["template"]["spec"]
    waits = {one["name"]: int(one["lifecycle"]["preStop"]["exec"]["command"][1]) for one in pod["containers"]}
    (tmp_path / "httptee.ini").write_text(KUBERNETES["ConfigMap"]["data"]["httptee.ini"])
    drain = load(["--config", str(tmp_path / "httptee.ini")], {}).drain_timeout
    assert waits["httptee"] + drain <= waits["shop"] < pod["terminationGracePeriodSeconds"]


def test_the_schema_of_a_workflow_accepts_that_of_the_forge():
    schema = ("--builtin-schema", "vendor.github-workflows")
    accepts(sys.executable, "-m", "check_jsonschema", *schema, ROOT / ".github" / "workflows" / "ci.yml")


def test_the_workflow_runs_what_runs_everywhere():
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["run"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]


def test_the_pictures_of_the_page_leave_the_workflow_as_artefacts():
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["run"]["steps"]
    (ran,) = [step for step in steps if "run" in step]
    (kept,) = [step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert kept["with"]["path"] == ran["env"]["HTTPTEE_TEST_PICTURES"]
    assert "HTTPTEE_TEST_PICTURES" in (ROOT / "tox.ini").read_text().split()
