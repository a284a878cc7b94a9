"""Whom an upstream's TLS trusts, and the session it resumes."""

import socket
import ssl
import threading

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from httptee.transport import tls
from httptee.transport.tls import Trust, tls_context
from tests.support.tls import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.mark.parametrize(
    ("trust", "verify", "certificate"),
    [
        (Trust(), True, None),
        (Trust(ca="c"), "c", None),
        (Trust(insecure=True), False, None),
        (Trust(cert="c"), True, "c"),
        (Trust(cert="c", key="k"), True, ("c", "k")),
    ],
)
def test_trust_in_the_words_of_requests(trust, verify, certificate):
    assert (trust.verify, trust.certificate) == (verify, certificate)


def test_the_system_s_authorities_count(monkeypatch, authority):
    monkeypatch.setenv("SSL_CERT_FILE", authority.file)
    (only,) = tls_context(True, None).get_ca_certs()
    assert "trustme" in str(only["subject"])


def test_where_the_system_has_none_certifi_s_do(monkeypatch, tmp_path):
    monkeypatch.setattr(tls, "_system_has_authorities", lambda: False)
    expected = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH).cert_store_stats()
    assert tls_context(True, None).cert_store_stats() == expected


def test_a_directory_of_authorities_may_be_named(tmp_path):
    assert tls_context(str(tmp_path), None).verify_mode == ssl.CERT_REQUIRED


def test_an_encrypted_key_is_an_error_and_not_a_question(authority, tmp_path):
    from cryptography.hazmat.primitives import serialization as ser

    one = authority.issue()
    with open(one, "rb") as file:
        key = ser.load_pem_private_key(file.read(), None)
    form = (ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.pem").write_bytes(key.private_bytes(*form))
    with pytest.raises(ssl.SSLError):
        tls_context(True, (one, str(tmp_path / "locked.pem")))


class Server:
    """Shakes hands with one client after the other, says a word and closes."""

    def __init__(self, context):
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            raw, _ = self.listener.accept()
            try:
                with self.context.wrap_socket(raw, server_side=True) as sock:
                    if sock.recv(1) == b".":
                        return
                    sock.sendall(b"word")
            except OSError:
                pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_a_session_is_resumed_until_a_handshake_fails(authority, version):
    context = authority.server()
    context.maximum_version = version
    server = Server(context)
    client = tls_context(authority.file, None)

    def reused(name="127.0.0.1", word=b"x"):
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        with client.wrap_socket(raw, server_hostname=name) as sock:
            sock.sendall(word)
            sock.recv(10)
            client.remember(sock)
            return sock.session_reused

    assert [reused() for _ in range(3)] == [False, True, True]
    client._session = None
    with pytest.raises(ssl.SSLCertVerificationError):
        reused("other.test")
    assert not reused(word=b".")
    server.thread.join()
    server.listener.close()
