import pytest

from httptee.http.peers.proxies import Proxies

OURS = Proxies.parse("10.0.0.0/8, 192.0.2.7,2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),  # not trusted: what it says does not count
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9"], "203.0.113.9"),  # the client has forged the first one
        ("10.0.0.1", ["6.6.6.6, 203.0.113.9, 10.2.3.4, 192.0.2.7"], "203.0.113.9"),
        ("10.0.0.1", ["6.6.6.6", "203.0.113.9", "10.9.9.9"], "203.0.113.9"),  # one field a proxy
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),  # all are ours
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], "203.0.113.9"),
        ("10.0.0.1", ["[2001:db9::1]:4711, ::ffff:10.0.0.2"], "2001:db9::1"),
        ("2001:db8::5", ["203.0.113.9"], "203.0.113.9"),
        ("", ["203.0.113.9"], ""),  # a Unix socket is trusted only if it is named
    ],
)
def test_the_client_is_the_last_address_that_is_none_of_ours(peer, forwarded, client):
    assert OURS.client(peer, forwarded) == client


def test_the_clients_of_a_unix_socket_may_be_trusted():
    proxies = Proxies.parse("unix")
    assert proxies.client("", ["203.0.113.9"]) == "203.0.113.9"
    assert proxies.client("", []) == ""
    assert str(proxies) == "unix"


@pytest.mark.parametrize("text", ["", "nginx", "10.0.0.0/33", "10.0.0.1 10.0.0.2", "10.0.0.1,,10.0.0.2", "300.1.1.1"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="must be addresses, networks or unix"):
        Proxies.parse(text)
