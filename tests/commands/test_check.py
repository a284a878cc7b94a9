import ssl

import pytest
import trustme

from httptee.commands.cli import main
from tests.support.net import refusing_port
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer


@pytest.fixture
def a():
    with ScriptedServer(answer()) as server:
        yield server


def checked(capsys, *words):
    try:
        status = main(["check", *words])
    except SystemExit as stopped:
        status = stopped.code
    output = capsys.readouterr()
    return status, output.out.splitlines(), output.err


def test_everything_there_is_a_table_and_0(a, capsys):
    status, lines, errors = checked(capsys, "-a", a.url, "-b", f"{a.url} name=next allow-same")
    assert (status, errors) == (0, "")
    assert lines[0].split() == ["endpoint", "resolves", "to", "result"]
    assert lines[1].startswith(f"A       {a.url}  127.0.0.1    connected in ")
    assert lines[2].startswith(f"B next  {a.url}  127.0.0.1    connected in ")
    assert a.requests == []


def test_a_b_that_refuses_is_1(a, capsys):
    with refusing_port() as port:
        status, lines, _ = checked(capsys, "-a", a.url, "-b", f"http://127.0.0.1:{port}")
    assert status == 1
    assert lines[2].endswith("connect: Connection refused")


def test_a_name_that_does_not_resolve_is_1(a, capsys):
    status, lines, _ = checked(capsys, "-a", "nowhere.invalid", "-b", a.url)
    assert status == 1
    assert lines[1].split()[:4] == ["A", "http://nowhere.invalid", "-", "connect:"]


def test_options_that_are_wrong_are_2(capsys):
    status, lines, errors = checked(capsys, "-b", "x percent=101")
    assert (status, lines) == (2, [])
    assert errors == "httptee: -b: B http://x: percent: must be a number from 0 to 100: '101'\n"


def test_tls_is_shaken_hands_with_and_verified(capsys, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def handshake(connection):
        with context.wrap_socket(connection.sock, server_side=True) as secure:
            secure.recv(1)

    with ScriptedServer(handshake) as server:
        url = server.url.replace("http:", "https:")
        trusting, careless, strict = f"{url} ca={tmp_path / 'ca.pem'}", f"{url} insecure", url
        words = ["-a", server.url, "-b", trusting, "-b", careless, "-b", strict]
        status, lines, _ = checked(capsys, *words)
    assert status == 1
    assert "TLSv1.3, certificate until " in lines[2]
    assert lines[3].endswith("TLSv1.3, certificate not verified")
    assert "tls: unable to get local issuer certificate" in lines[4]
