import os

import pytest

from httptee.admin.metrics import LedgerCollector, exposition
from httptee.admin.processes import processes
from httptee.build import build_ledger
from httptee.settings.config import load

SETTINGS = load(["-b", "http://b:1 name=canary percent=10", "-processes", "1"], {})


@pytest.fixture
def ledger():
    return build_ledger(SETTINGS)


def found(ledger):
    lines = exposition(LedgerCollector(ledger, 1000.0, None, SETTINGS)).decode().splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}


def test_what_was_ordered_differs_from_the_file_until_it_ends(ledger):
    before = found(ledger)
    assert (before["httptee_control_orders"], before['httptee_shadow_percent{backend="canary"}']) == (0, 10)
    ledger.orders[0].paused, ledger.orders[0].percent, ledger.control.level = True, 20.0, 10
    after = found(ledger)
    assert after["httptee_control_orders"] == 3
    assert after['httptee_shadow_percent{backend="canary"}'] == 20
    assert after['httptee_shadow_paused{backend="canary"}'] == 1


def test_a_refused_reload_is_seen_until_one_is_done(ledger):
    assert found(ledger)["httptee_last_reload_successful"] == 1
    assert found(ledger)["httptee_last_reload_timestamp_seconds"] == 1000
    ledger.control.reloaded(False)
    assert found(ledger)["httptee_last_reload_successful"] == 0
    assert found(ledger)["httptee_last_reload_timestamp_seconds"] > 1000
    ledger.control.reloaded(True)
    assert found(ledger)["httptee_last_reload_successful"] == 1
    assert found(ledger)['httptee_reloads_total{result="refused"}'] == 1


def test_the_end_of_the_certificate_is_there_only_with_one(ledger):
    assert "httptee_certificate_expiry_timestamp_seconds" not in found(ledger)
    ledger.control.certificate_ends = 2_000_000_000
    assert found(ledger)["httptee_certificate_expiry_timestamp_seconds"] == 2_000_000_000


def test_a_tee_of_one_process_is_one_worker(ledger):
    (only,) = processes(SETTINGS, ledger, None)
    assert (only.kind, only.pid) == ("worker", os.getpid())
    assert only.cpu_seconds > 0
    assert only.memory > 1_000_000
    assert only.threads >= 1
    assert 3 <= only.descriptors <= only.descriptor_limit
    label = f'{{pid="{os.getpid()}",process="worker"}}'
    assert found(ledger)[f"httptee_process_resident_memory_bytes{label}"] > 1_000_000


def test_the_recording_has_its_counts_from_the_first_request_on(ledger):
    assert not [name for name in found(ledger) if "recording" in name]
    account = ledger.recording.account(0)
    account.seen()
    account.take(40, 100)
    account.refused("sampled_out")
    account.publish(3)
    after = found(ledger)
    assert after["httptee_recording_seen_total"] == 2
    assert after['httptee_recording_not_recorded_total{reason="sampled_out"}'] == 1
    assert after['httptee_recording_not_recorded_total{reason="lost"}'] == 0
    assert (after["httptee_recording_files_removed_total"], after["httptee_recording_held_bytes"]) == (3, 40)
