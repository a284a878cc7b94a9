"""How upstreams are verified, tried at start. Files that do not do: tests/integration/test_tls.py."""

import logging

import pytest

from httptee.config import ConfigError, Settings
from httptee.endpoint import Endpoint
from httptee.transport.tls import Trust
from httptee.trust import check_trust, trust_of_a, trust_of_b

SECURE, PLAIN = Endpoint.parse("https://x.test"), Endpoint.parse("http://x.test")


def test_a_and_b_are_each_verified_in_their_own_way():
    settings = Settings(a_ca="1", a_cert="2", a_key="3", b_insecure=True, b_server_name="y.test")
    assert trust_of_a(settings) == Trust(ca="1", cert="2", key="3")
    assert trust_of_b(settings) == Trust(insecure=True, server_name="y.test")


def test_what_is_not_verified_is_said_once_for_each_upstream(caplog):
    with caplog.at_level(logging.WARNING):
        check_trust(Settings(a=SECURE, a_insecure=True, b=(SECURE, PLAIN), b_insecure=True))
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        "A https://x.test IS NOT VERIFIED",
        "B https://x.test IS NOT VERIFIED",
    ]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(a_key="k"), "-a.key: there is no -a.cert"),
        (Settings(b_ca="c", b_insecure=True), "-b.insecure: contradicts -b.ca"),
        (Settings(b_ca="/nowhere/ca.pem"), "-b.ca: cannot read /nowhere/ca.pem: No such file or directory"),
    ],
)
def test_what_contradicts_itself_or_is_not_there_is_refused(settings, why):
    with pytest.raises(ConfigError, match=why):
        check_trust(settings)


def test_the_defaults_are_fine(caplog):
    check_trust(Settings(a=SECURE, b=(PLAIN,)))
    assert not caplog.records
