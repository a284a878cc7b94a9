import pytest

from httptee.http.endpoint import Listen
from httptee.page.hosts import is_loopback, is_own_name


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_addresses_of_this_machine_only(host):
    assert is_loopback(Listen(host, 1))


@pytest.mark.parametrize("listen", [None, Listen("", 1), Listen("0.0.0.0", 1), Listen("10.0.0.1", 1), Listen("a.b", 1)])
def test_other_addresses(listen):
    assert not is_loopback(listen)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8889", "tee.localhost:1", "localhost.", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8889",
     "10.1.2.3:1", ""],
)  # fmt: skip
def test_names_that_nobody_else_can_own(host):
    assert is_own_name([("Host", host)])


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8889", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost",
             "[evil]", "a:b:c", "localhost@evil.example"],
)  # fmt: skip
def test_names_that_somebody_may_own(host):
    assert not is_own_name([("Accept", "*/*"), ("hOST", host)])


def test_every_host_counts_and_none_is_allowed():
    assert not is_own_name([("Host", "localhost"), ("Host", "evil.example")])
    assert is_own_name([])
