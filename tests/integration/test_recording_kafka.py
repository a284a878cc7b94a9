"""A recording that goes to Kafka, in librdkafka's mock cluster, and is replayed from there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integration.test_recording_engine import RecordingTee, balanced, httptee, said, send, verified
from tests.integration.test_replay_engine import REQUESTS, ended, members, targets
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.kafka_cluster import KafkaCluster
from tests.support.load import Load
from tests.support.net import eventually
from tests.support.scripts import response

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def kafka() -> Iterator[KafkaCluster]:
    with KafkaCluster() as cluster:
        yield cluster


def test_each_request_is_in_the_topic_once_and_is_replayed_by_several(kafka: KafkaCluster) -> None:
    address = kafka.address("traffic")
    with Backend() as a, RecordingTee(a, address) as running:
        send(running.port, REQUESTS)
        found = balanced(running, waiting=0, lost=0)
        assert found["shipped"]["shipped"] == REQUESTS
    assert f": whole, {REQUESTS:,} exchanges" in verified(address)
    with Backend() as backend:
        reports, _ = ended(members(address, backend, 2))
        assert targets(backend) == {f"/{number}": 1 for number in range(REQUESTS)}
    assert reports[0]["replay"]["sent"] == REQUESTS


def test_a_record_of_two_mebibytes_is_shipped_whole(kafka: KafkaCluster) -> None:
    address, body = kafka.address("large"), os.urandom(1 << 20)
    with Backend(lambda request: response(body=request.body)) as a, RecordingTee(a, address) as running:
        assert ask(running.port, "POST", "/large", body=body).body == body
        balanced(running, waiting=0, lost=0, shipped=1)
    assert ": whole, 1 exchanges" in verified(address)
    with Backend() as backend:
        assert "1 recorded = 1 sent" in httptee("replay", address, "--to", backend.url, "--max").stdout
        assert backend.bodies() == {("POST", "/large", body): 1}


def test_a_cluster_that_does_not_answer_costs_the_clients_nothing_and_gets_everything(kafka: KafkaCluster) -> None:
    address = kafka.address("stopped")
    with Backend() as a, RecordingTee(a, address) as running, Load(running.port, clients=4, pause=0.005) as load:
        eventually(lambda: said(running)["shipped"]["shipped"])
        kafka.pause()
        eventually(lambda: said(running)["shipped"]["error"], "an error of the engine", 60)
        kafka.proceed()
        eventually(lambda: not said(running)["shipped"]["error"], "an engine without an error", 60)
        load.stop()
        assert load.troubles == []
        found = balanced(running, waiting=0, lost=0)
        assert found["recorded"] >= load.answered
    assert f": whole, {found['recorded']:,} exchanges" in verified(address)
