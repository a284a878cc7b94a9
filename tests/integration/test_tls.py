"""TLS as its users meet it: certificates that do not do, clients that hang, real programs, and who is told what."""

from __future__ import annotations

import json
import resource
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.load import Load
from tests.support.net import eventually, require
from tests.support.process import Program
from tests.support.programs import hey, nginx, run
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer
from tests.support.tee import Tee, run_tee
from tests.support.tls import Authority

from .test_lifecycle import reload

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """An authority nobody trusts."""
    return Authority(tmp_path, "stranger")


def secured(certificate: str, authority: Authority, client_authority: str = "") -> ScriptedServer:
    """A server that shows this certificate, and asks for one of `client_authority`."""
    server = ScriptedServer(answer())
    server.tls = authority.server(certificate)
    if client_authority:
        server.tls.verify_mode = ssl.CERT_REQUIRED
        server.tls.load_verify_locations(client_authority)
    return server


def https(server: ScriptedServer, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{server.port}"


def tls_client(tee: Tee, context: ssl.SSLContext) -> RawClient:
    client = RawClient(tee.port)
    client.tls = context
    return client


def self_signed(directory: Path) -> str:
    path = directory / "self.pem"
    argv = [require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2",
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.cert"]  # fmt: skip
    subprocess.run(argv, check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.cert").read_text())
    return str(path)


class TestUpstreams:
    @pytest.mark.parametrize("what", ["another name", "expired", "an unknown authority", "self-signed"])
    def test_a_certificate_that_does_not_do_is_502_for_a_and_a_failure_of_b(
        self, authority: Authority, stranger: Authority, tmp_path: Path, what: str
    ) -> None:
        certificate = {
            "another name": lambda: authority.issue("other.test", file="other.pem"),
            "expired": lambda: authority.issue(file="expired.pem", expired=True),
            "an unknown authority": lambda: stranger.issue(),
            "self-signed": lambda: self_signed(tmp_path),
        }[what]()
        trusted = ("-a.ca", authority.file, "-b.ca", authority.file)
        with secured(certificate, authority) as bad, secured(authority.issue(), authority) as good:
            with Tee("-a", https(bad), *trusted) as tee:
                got = ask(tee.port)
                assert (got.status, got.value("X-Httptee-Error")) == (502, "primary_tls")
            with Tee("-a", https(good), "-b", https(bad), *trusted) as tee:
                assert ask(tee.port).status == 200
                assert tee.settled(1)[0].failures == {"tls": 1}
            assert not bad.requests
            with Tee("-a", https(bad), "-b", https(bad), "-a.insecure", "-b.insecure", "-allow-same") as tee:
                assert ask(tee.port).status == 200
                assert tee.settled(1)[0].delivered == 1
                assert tee.program.output.count("IS NOT VERIFIED") == 2

    def test_plain_http_behind_https_and_the_other_way_round(self, authority: Authority) -> None:
        with ScriptedServer(answer()) as plain, Tee("-a", https(plain), "-a.timeout", "1000") as tee:
            got = ask(tee.port)
            assert (got.status, got.value("X-Httptee-Error")) in [(502, "primary_tls"), (504, "primary_timeout")]
        with secured(authority.issue(), authority) as server, Tee("-a", f"http://127.0.0.1:{server.port}") as tee:
            assert ask(tee.port).status == 502

    def test_a_handshake_counts_in_the_timeout(self) -> None:
        with (
            ScriptedServer(lambda connection: connection.pause(60)) as a,
            Tee("-a", https(a), "-a.timeout", "300") as tee,
        ):
            got = ask(tee.port)
            assert (got.status, got.value("X-Httptee-Error")) == (504, "primary_timeout")

    def test_the_server_name_may_be_another_than_the_endpoint_s(self, authority: Authority) -> None:
        names = []
        with secured(authority.issue("inner.test", file="inner.pem"), authority) as a:
            assert a.tls is not None
            a.tls.sni_callback = lambda sock, name, context: names.append(name)
            with Tee("-a", https(a), "-a.ca", authority.file, "-a.server-name", "inner.test") as tee:
                assert ask(tee.port).status == 200
        assert names == ["inner.test"]

    def test_upstreams_that_ask_for_a_certificate_get_it(self, authority: Authority, tmp_path: Path) -> None:
        mine = authority.issue("tee.localhost", file="tee.pem")
        with (
            secured(authority.issue(), authority, authority.file) as a,
            secured(authority.issue(), authority, authority.file) as b,
        ):
            trusted = ("-a", https(a), "-a.ca", authority.file, "-b", https(b), "-b.ca", authority.file)
            with Tee(*trusted, "-a.cert", mine, "-b.cert", mine, "-b.key", mine) as tee:
                assert ask(tee.port).status == 200
                assert tee.settled(1)[0].delivered == 1
            with Tee(*trusted) as tee:
                assert (ask(tee.port).status, tee.settled(1)[0].delivered) == (502, 0)

    def test_the_line_of_a_b_has_its_own_certificate_and_name(self, authority: Authority) -> None:
        mine = authority.issue("tee.localhost", file="tee.pem")
        names = []
        with (
            Backend() as a,
            secured(authority.issue("inner.test", file="inner.pem"), authority, authority.file) as b,
            secured(authority.issue(), authority) as other,
        ):
            assert b.tls is not None
            b.tls.sni_callback = lambda sock, name, context: names.append(name)
            lines = ("-b", f"{https(b)} cert={mine} server-name=inner.test host=stage.{{host}}", "-b", https(other))
            with Tee("-a", a.url, *lines, "-b.ca", authority.file) as tee:
                assert ask(tee.port).status == 200
                assert [ledger.delivered for ledger in tee.settled(1)] == [1, 1]
        assert names == ["inner.test"]
        assert (b.requests[0].value("Host"), other.requests[0].value("Host")) == (
            "stage.tee.localhost",
            "tee.localhost",
        )

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
    def test_a_new_connection_resumes_the_session_of_the_last(
        self, authority: Authority, version: ssl.TLSVersion
    ) -> None:
        with secured(authority.issue(), authority) as a:
            assert a.tls is not None
            a.tls.maximum_version = version
            with Tee("-a", https(a), "-a.ca", authority.file, "-close-connections", "-processes", "1") as tee:
                for _ in range(4):
                    assert ask(tee.port).status == 200
            assert a.connections == 4
            assert a.tls.session_stats()["hits"] == 3


class TestClients:
    def test_the_subject_of_a_certificate_reaches_a_and_b_and_a_forged_one_does_not(self, authority: Authority) -> None:
        alice = authority.issue("alice.test", file="alice.pem", common_name="Alice")
        forged = [("X-Client-Subject", "CN=Mallory"), ("X_Client-subject", "CN=Mallory")]
        with (
            Backend() as a,
            Backend() as b,
            Tee("-a", a.url, "-b", b.url, "-cert.file", authority.issue(), "-client-ca", authority.file,
                "-client-auth", "optional", "-client-subject-header", "X-Client-Subject") as tee,
        ):  # fmt: skip
            for certificate in (alice, None):
                with tls_client(tee, authority.client(certificate)) as client:
                    assert client.ask(headers=forged).status == 200
            tee.settled(2)
            for server in (a, b):
                subjects = [request.values("X-Client-Subject") for request in server.requests]
                assert sorted(len(each) for each in subjects) == [0, 1]
                assert all("CN=Alice" in each[0] for each in subjects if each)
                assert not any(request.values("X_Client-subject") for request in server.requests)

    def test_a_client_without_a_certificate_is_refused_where_one_is_required(
        self, authority: Authority, stranger: Authority
    ) -> None:
        with (
            Backend() as a,
            Tee("-a", a.url, "-cert.file", authority.issue(), "-client-ca", authority.file) as tee,
        ):
            for certificate in (None, stranger.issue("bob.test")):
                with tls_client(tee, authority.client(certificate)) as client, pytest.raises(ssl.SSLError):
                    client.ask()
            with tls_client(tee, authority.client(authority.issue("alice.test", file="alice.pem"))) as client:
                assert client.ask().status == 200
            assert len(a.requests) == 1

    def test_the_scheme_is_told_to_a(self, authority: Authority) -> None:
        with Backend() as a, Tee("-a", a.url, "-forward-client-ip", "-cert.file", authority.issue()) as tee:
            with tls_client(tee, authority.client()) as client:
                assert client.ask().status == 200
            assert a.requests[0].values("Forwarded") == ["for=127.0.0.1;proto=https"]

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
    def test_a_session_resumes_whichever_worker_takes_the_connection(
        self, authority: Authority, version: ssl.TLSVersion
    ) -> None:
        context = authority.client(version=version)
        session = None
        with Backend() as a, Tee("-a", a.url, "-cert.file", authority.issue(), "-processes", "4") as tee:
            for number in range(20):
                raw = socket.create_connection(("127.0.0.1", tee.port), timeout=30)
                with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as sock:
                    sock.sendall(request_bytes())
                    assert sock.recv(9) == b"HTTP/1.1 "
                    assert sock.session_reused == (number > 0)
                    session = sock.session

    def test_a_thousand_that_stop_in_mid_handshake_disturb_nobody_and_leave_nothing(self, authority: Authority) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        first_flight = outgoing.read()
        with (
            Backend() as a,
            Tee("-a", a.url, "-cert.file", authority.issue(), "-tls-handshake-timeout", "5000") as tee,
            tls_client(tee, authority.client()) as client,
        ):
            assert client.ask().status == 200

            def descriptors() -> int:
                return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in tee.program.group())

            before = descriptors()
            peers = [socket.create_connection(("127.0.0.1", tee.port), timeout=30) for _ in range(1000)]
            for number, peer in enumerate(peers):
                peer.sendall([b"", first_flight[:3], first_flight[:200], first_flight][number % 4])
            eventually(lambda: descriptors() >= before + 900, "all connections accepted")
            for _ in range(300):
                assert client.ask().status == 200
            for peer in peers:
                while peer.recv(65536):
                    pass
                peer.close()
            # A worker that was still starting has some more of its own by now.
            eventually(lambda: descriptors() <= before + 20, "all descriptors back")
            assert client.ask().status == 200


REFUSED = {
    "no such file": ("-cert.file {nowhere}", "cannot read"),
    "a key that is not the certificate's": ("-cert.file {one} -key.file {other}", "does not belong to the certificate"),
    "no certificate at all": ("-cert.file {junk}", "-cert.file: no PEM certificate in"),
    "a key alone": ("-key.file {one}", "-key.file: needs -cert.file"),
    "authorities that are none": ("-cert.file {one} -client-ca {junk}", "no PEM certificate in"),
    "a subject that nobody verifies": ("-cert.file {one} -client-subject-header X", "needs -client-ca"),
    "an encrypted key without a password": (
        "-cert.file {one} -key.file {locked}",
        "encrypted: set -key.password-file",
    ),
    "an encrypted key with a wrong one": (
        "-cert.file {one} -key.file {locked} -key.password-file {junk}",
        "does not decrypt the key",
    ),
    "authorities for a that are none": ("-a https://a.test -a.ca {junk}", "-a.ca"),
    "authorities for b that are nowhere": ("-b https://b.test -b.ca {nowhere}", "-b.ca: cannot read"),
    "both verified and not": ("-a https://a.test -a.ca {one} -a.insecure", "cannot be combined with -a.ca"),
    "a client key alone": ("-b https://b.test -b.key {one}", "-b.key: needs -b.cert"),
}


class TestStart:
    @pytest.fixture
    def files(self, authority: Authority, tmp_path: Path) -> dict[str, str]:
        one = authority.issue(file="one.pem")
        (tmp_path / "junk").write_text("junk\n")
        (tmp_path / "password").write_text("secret\n")
        locked = str(tmp_path / "locked.pem")
        argv = [require("openssl"), "pkey", "-in", one, "-aes128", "-passout", "pass:secret", "-out", locked]
        subprocess.run(argv, check=True, capture_output=True)
        return {
            "one": one,
            "other": authority.issue(file="other.pem"),
            "junk": str(tmp_path / "junk"),
            "nowhere": str(tmp_path / "nowhere"),
            "locked": locked,
            "password": str(tmp_path / "password"),
        }

    @pytest.mark.parametrize(("words", "why"), REFUSED.values(), ids=REFUSED)
    def test_one_line_and_exit_code_2_for(self, files: dict[str, str], words: str, why: str) -> None:
        done = run_tee("-l", "127.0.0.1:0", *words.format(**files).split())
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
        assert why in done.stderr

    def test_an_encrypted_key_with_its_password(self, authority: Authority, files: dict[str, str]) -> None:
        with (
            Backend() as a,
            Tee("-a", a.url, "-cert.file", files["one"], "-key.file", files["locked"],
                "-key.password-file", files["password"]) as tee,
            tls_client(tee, authority.client()) as client,
        ):  # fmt: skip
            assert client.ask().status == 200

    def test_an_expired_certificate_is_served_and_warned_of(self, authority: Authority) -> None:
        with Tee("-cert.file", authority.issue(file="old.pem", expired=True)) as tee:
            tee.program.wait_for_line("WARNING .*old.pem has expired")


class TestPrograms:
    @pytest.fixture
    def tee(self, authority: Authority):  # type: ignore[no-untyped-def]
        with Backend() as a, Tee("-a", a.url, "-cert.file", authority.issue()) as tee:
            yield tee

    def test_curl_and_hey(self, tee: Tee, authority: Authority) -> None:
        for extra in ([], ["--tls-max", "1.2"], ["-d", "a body"], ["-T", __file__]):
            run([require("curl"), "--fail", "--silent", "--cacert", authority.file, *extra, f"{tee.url}/"])
        assert hey(f"{tee.url}/", 500, "-c", "10") == {200: 500}
        assert hey(f"{tee.url}/", 200, "-c", "10", "-disable-keepalive") == {200: 200}

    def test_openssl_s_client_verifies_and_agrees_on_http_1_1(self, tee: Tee, authority: Authority) -> None:
        argv = [require("openssl"), "s_client", "-connect", f"127.0.0.1:{tee.port}", "-CAfile", authority.file,
                "-verify_return_error", "-alpn", "h2,http/1.1"]  # fmt: skip
        done = subprocess.run(argv, input=b"", capture_output=True, timeout=30, check=True)
        assert b"Verify return code: 0 (ok)" in done.stdout
        assert b"ALPN protocol: http/1.1" in done.stdout

    def test_sslyze_finds_nothing_that_it_would_not_find_of_nginx(self, authority: Authority, tmp_path: Path) -> None:
        certificate = authority.issue()
        with Backend() as a, Tee("-a", a.url, "-cert.file", certificate) as tee, nginx(tmp_path, certificate) as port:
            ours, theirs = scanned(tmp_path, tee.port, port)
        for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"):
            assert suites(ours, version) <= suites(theirs, version), version
        for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
            assert not suites(ours, old), old
        assert suites(ours, "tls_1_2")
        # nginx before 1.23.4 leaves TLS 1.3 out unless told otherwise.
        aead = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
        assert suites(ours, "tls_1_3") == aead
        assert suites(theirs, "tls_1_3") <= aead
        weak = ("RC4", "DES", "NULL", "EXPORT", "anon", "MD5", "TLS_RSA_WITH")
        assert not [name for name in suites(ours, "tls_1_2") if any(word in name for word in weak)]
        curves = [{each["name"] for each in found["elliptic_curves"]["supported_curves"]} for found in (ours, theirs)]
        assert curves[0] <= curves[1] | {"X25519", "X448", "secp256r1", "secp384r1", "secp521r1"}
        for found in (ours, theirs):  # so that what is asserted of ours is seen to be what the scan can tell
            assert not found["heartbleed"]["is_vulnerable_to_heartbleed"]
            assert not found["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"]
            assert not found["tls_compression"]["supports_compression"]
            assert not found["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
            assert found["session_renegotiation"]["supports_secure_renegotiation"]
            assert found["tls_extended_master_secret"]["supports_ems_extension"]
            assert found["robot"]["robot_result"].startswith("NOT_VULNERABLE")
            assert not found["tls_1_3_early_data"]["supports_early_data"]
        assert ours["tls_fallback_scsv"]["supports_fallback_scsv"]
        assert ours["session_resumption"]["tls_ticket_resumption_result"] == "FULLY_SUPPORTED"


def scanned(directory: Path, *ports: int) -> list[dict[str, Any]]:
    """What sslyze has found of each server, scanned side by side."""
    report = directory / "found.json"
    checks = ["sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "compression", "reneg", "heartbleed",
              "openssl_ccs", "fallback", "robot", "elliptic_curves", "early_data", "resum", "ems"]  # fmt: skip
    argv = [sys.executable, "-m", "sslyze", f"--json_out={report}", *(f"--{check}" for check in checks)]
    with Program([*argv, *(f"127.0.0.1:{port}" for port in ports)]) as scan:
        scan.wait(code=None)
    servers = json.loads(report.read_text())["server_scan_results"]
    by_port = {server["server_location"]["port"]: server["scan_result"] for server in servers}
    return [{name: each["result"] for name, each in by_port[port].items() if each["result"]} for port in ports]


def suites(found: dict[str, Any], version: str) -> set[str]:
    """The cipher suites that a server accepts with a version of the protocol."""
    return {each["cipher_suite"]["name"] for each in found[f"{version}_cipher_suites"]["accepted_cipher_suites"]}


class TestRenewal:
    @pytest.mark.parametrize("processes", ["1", "2"])
    def test_a_reload_takes_up_a_renewed_certificate_and_no_request_fails(
        self, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: str
    ) -> None:
        certificate = tmp_path / "certificate.pem"
        certificate.write_text(Path(authority.issue(file="first.pem")).read_text())
        monkeypatch.setattr(RawClient, "tls", authority.client())
        with (
            Backend() as a,
            Tee("-a", a.url, "-cert.file", str(certificate), "-processes", processes) as tee,
            tls_client(tee, authority.client()) as kept,
        ):
            assert kept.ask().status == 200
            shown = [serial(tee, authority)]
            with Load(tee.port, 4) as load, Load(tee.port, 2, pause=0.3) as leisurely:
                for number in range(3):
                    certificate.write_text(Path(authority.issue(file=f"renewed-{number}.pem")).read_text())
                    reload(tee)
                    shown.append(serial(tee, authority))
                mark = load.answered
                eventually(lambda: load.answered > mark + 50, "answers after the reloads")
            assert (load.troubles, leisurely.troubles) == ([], [])
            assert len(set(shown)) == 4

    @pytest.mark.parametrize("processes", ["1", "2"])
    def test_a_certificate_that_does_not_do_changes_nothing_and_the_log_says_why(
        self, authority: Authority, tmp_path: Path, processes: str
    ) -> None:
        certificate = tmp_path / "certificate.pem"
        certificate.write_text(Path(authority.issue(file="first.pem")).read_text())
        with (
            Backend() as a,
            Tee("-a", a.url, "-cert.file", str(certificate), "-processes", processes) as tee,
            tls_client(tee, authority.client()) as client,
        ):
            assert client.ask().status == 200
            before = serial(tee, authority)
            certificate.write_text("junk\n")
            assert "no PEM certificate in" in reload(tee, "ERROR reload refused, nothing changes: ")
            certificate.unlink()
            assert "cannot read" in reload(tee, "ERROR reload refused, nothing changes: ")
            assert client.ask().keeps_alive
            assert serial(tee, authority) == before


def serial(tee: Tee, authority: Authority) -> object:
    """Which certificate a new connection is shown."""
    with tls_client(tee, authority.client()) as client:
        assert isinstance(client.sock, ssl.SSLSocket)
        certificate = client.sock.getpeercert()
        assert certificate is not None
        return certificate["serialNumber"]
