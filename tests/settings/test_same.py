import socket
import threading
from contextlib import ExitStack
from time import monotonic

import pytest

from httptee.errors import ConfigError
from httptee.http import Endpoint
from httptee.settings import same
from httptee.settings.config import load
from httptee.settings.same import check_same, of_same_address, own_addresses, own_sockets
from tests.support.net import ipv6_or_skip

NAMES = {
    "localhost": ["127.0.0.1", "::1"],
    "tee": ["192.0.2.9"],
    "prod": ["192.0.2.1", "192.0.2.2"],
    "PROD": ["192.0.2.1", "192.0.2.2"],
    "alias": ["192.0.2.2", "192.0.2.3"],
    "next": ["192.0.2.4"],
}


@pytest.fixture(autouse=True)
def resolver(monkeypatch):
    def getaddrinfo(host, port, *args, **kwargs):
        for address in NAMES.get(host, [host]):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            socket.inet_pton(family, address)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in NAMES.get(host, [host])
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def settings(*words):
    return load(["-l", "tee:8888", *words], {})


def refused(*words, own=None):
    found = settings(*words)
    try:
        check_same(found, own_addresses(found) if own is None else own)
    except ConfigError as error:
        said = str(error)
    else:
        return ""
    assert "-allow-same" in said
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    "b",
    [
        "http://prod:80",
        "prod",
        "http://PROD:80/",
        "http://prod.:80",
        "alias:80",
        "192.0.2.1:80",
        "[::ffff:192.0.2.2]:80",
        "prod name=n percent=1 methods=GET",
        "prod rewrite",
        "prod timeout=7 mark",
    ],
)
def test_a_b_that_is_a_is_refused(b):
    assert " is A: every request would reach it twice" in refused("-a", "http://prod", "-b", b)


@pytest.mark.parametrize(
    "b",
    [
        "next:80",
        "prod:81",
        "prod/v2",
        "https://prod:80",
        "prod host=canary.example",
        "prod rewrite-path='^/ -> /v2/'",
        "alias:80 rewrite",
        "unknown.invalid:80",
        "prod allow-same",
    ],
)
def test_a_b_that_may_be_another_site_is_not(b):
    assert refused("-a", "http://prod", "-b", b) == ""


def test_two_sites_at_one_address_are_told_apart_by_the_host_that_a_gets_too():
    assert refused("-a", "prod:80", "-a.rewrite", "-b", "alias:80") == ""
    assert refused("-a", "prod:80", "-a.rewrite", "-b", "prod:80")


def test_the_option_permits_all():
    assert refused("-a", "tee:8888", "-b", "tee:8888", "-allow-same") == ""


def test_the_field_permits_one_b_only():
    lines = ["-b", "prod name=one allow-same", "-b", "prod name=two"]
    assert refused("-a", "prod", *lines).startswith("B two http://prod is A")


@pytest.mark.parametrize(
    ("words", "who"), [(["-a", "tee:8888"], "A"), (["-a", "next:80", "-b", "192.0.2.9:8888"], "B")]
)
def test_an_upstream_that_is_the_tee_is_refused(words, who):
    assert refused(*words).startswith(f"{who} http://")
    assert "is this tee itself" in refused(*words)


def test_the_admin_listener_is_the_tee_too():
    assert "the admin listener" in refused("-a", "next:80", "-b", "tee:8889", "-admin", "tee:8889")
    assert refused("-a", "next:80", "-b", "tee:8889") == ""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "127.8.0.1", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_a_tee_on_every_address_is_at_each_one_of_this_machine(name):
    assert "is this tee itself" in refused("-l", ":7777", "-a", f"{name}:7777")
    assert refused("-l", ":7777", "-a", f"{name}:7778") == ""


def test_an_address_of_another_machine_is_not_this_tee():
    assert refused("-l", ":7777", "-a", "192.0.2.1:7777") == ""


@pytest.mark.parametrize(
    ("listen", "a", "loops"),
    [
        ("0.0.0.0:7777", "127.0.0.1:7777", True),
        ("0.0.0.0:7777", "[::1]:7777", False),
        ("[::]:7777", "127.0.0.1:7777", False),
        ("[::]:7777", "[::1]:7777", True),
        ("127.0.0.1:7777", "127.0.0.1:7777", True),
        ("127.0.0.1:7777", "127.0.0.2:7777", False),
        ("localhost:7777", "127.0.0.1:7777", True),
    ],
)
def test_a_listener_takes_the_addresses_of_its_family(listen, a, loops):
    assert bool(refused("-l", listen, "-a", a)) is loops


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_a_socket_that_is_bound_tells_its_port_and_its_addresses(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if family == socket.AF_INET6:
        ipv6_or_skip()
    with ExitStack() as stack:
        dual = {"dualstack_ipv6": True} if host == "::" else {}
        listening = stack.enter_context(socket.create_server((host, 0), family=family, **dual))
        port = listening.getsockname()[1]
        own = own_sockets([listening], [])
        expected = {"127.0.0.1": [1, 0], "0.0.0.0": [1, 0], "::1": [0, 1], "::": [1, 1]}[host]
        found = [bool(refused("-a", f"{to}:{port}", own=own)) for to in ("127.0.0.1", "[::1]")]
    assert found == list(map(bool, expected))


def test_a_resolver_that_never_answers_delays_the_start_for_a_bounded_time(monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(same, "PATIENCE", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: gate.wait(60) and [])
    started = monotonic()
    assert refused("-a", "prod", "-b", "alias:80", "-b", "next") == ""
    assert refused("-a", "prod", "-b", "prod")
    gate.set()
    assert monotonic() - started < 30


def test_a_unix_socket_of_the_tee_is_not_its_upstream_and_no_b_is_a(tmp_path):
    path = tmp_path / "socket"
    path.touch()
    link = tmp_path / "link"
    link.symlink_to(path)
    found = load(["-l", f"unix:{path}", "-a", f"unix:{link}"], {})
    with pytest.raises(ConfigError, match="is this tee itself"):
        check_same(found, own_addresses(found))
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "bound"))
        found = load(["-a", "prod:80", "-b", f"unix:{tmp_path / 'bound'}"], {})
        with pytest.raises(ConfigError, match="is the admin listener of this tee"):
            check_same(found, own_sockets([], [bound]))
    found = load(["-a", f"unix:{path}", "-b", f"unix:{link}"], {})
    with pytest.raises(ConfigError, match="is A: every request"):
        check_same(found, ())
    found = load(["-a", f"unix:{path}", "-b", "localhost:80", "-b", f"unix:{path}:/v2"], {})
    check_same(found, ())


@pytest.mark.parametrize(
    ("one", "others", "which"),
    [
        ("http://prod", ["http://next", "https://alias:80/v2"], 1), ("https://prod", ["http://prod:443"], 0),
        ("http://prod", ["http://prod:81", "http://next"], None), ("unknown:80", ["Unknown.:80"], 0),
        ("http://prod", [], None), ("unix:/run/a", ["localhost:80", "http://unix:/run/../run/a:/v2"], 1),
    ],
)  # fmt: skip
def test_an_address_is_the_same_whatever_the_scheme_and_the_prefix(one, others, which):
    found = [Endpoint.parse(each) for each in others]
    assert of_same_address(Endpoint.parse(one), found) is (None if which is None else found[which])
