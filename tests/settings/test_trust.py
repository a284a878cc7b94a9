"""How upstreams are verified, tried at start. Files that do not do: tests/integration/test_tls.py."""

import logging

import pytest
import trustme

from httptee.errors import ConfigError
from httptee.http.endpoint import Endpoint
from httptee.settings.backend import Backend
from httptee.settings.config import load
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import shadow_settings
from httptee.settings.trust import check_trust, pem_flaw, trust_of_a, trust_of_b
from httptee.transport.tls import Trust

A = Endpoint.parse("https://x.test")
SECURE, PLAIN = Backend.parse("https://x.test"), Backend.parse("http://x.test")


def trusts_of_b(settings):
    return [trust_of_b(shadow) for shadow in shadow_settings(settings)]


def test_a_and_b_are_each_verified_in_their_own_way():
    settings = Settings(a_ca="1", a_cert="2", a_key="3", b_insecure=True, b_server_name="y.test", b=(SECURE,))
    assert trust_of_a(settings) == Trust(ca="1", cert="2", key="3")
    assert trusts_of_b(settings) == [Trust(insecure=True, server_name="y.test")]


@pytest.mark.parametrize(
    ("general", "line", "trust"),
    [
        ({"b_ca": "g"}, "x", Trust(ca="g")),
        ({"b_ca": "g"}, "x ca=l", Trust(ca="l")),
        ({"b_ca": "g"}, "x insecure", Trust(insecure=True)),
        ({"b_insecure": True}, "x", Trust(insecure=True)),
        ({"b_insecure": True}, "x insecure=false", Trust()),
        ({"b_insecure": True}, "x ca=l", Trust(ca="l")),
        ({"b_ca": "g", "b_cert": "c", "b_key": "k"}, "x ca=l", Trust(ca="l", cert="c", key="k")),
    ],
)
def test_what_the_line_of_a_b_says_goes_before_what_holds_for_all(general, line, trust):
    assert trusts_of_b(Settings(b=(Backend.parse(line),), **general)) == [trust]


def test_what_is_not_verified_is_said_once_for_each_upstream(caplog):
    with caplog.at_level(logging.WARNING):
        check_trust(Settings(a=A, a_insecure=True, b=(SECURE, PLAIN), b_insecure=True))
    assert [record.getMessage().split(" (")[0] for record in caplog.records] == [
        "A https://x.test IS NOT VERIFIED",
        "B https://x.test IS NOT VERIFIED",
    ]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(a_key="k"), "-a.key: needs -a.cert"),
        (Settings(b_ca="c", b_insecure=True), "-b.insecure: cannot be combined with -b.ca"),
        (Settings(b_ca="/nowhere/ca.pem"), "-b.ca: cannot read /nowhere/ca.pem: No such file or directory"),
        (Settings(b=(Backend.parse("x name=n insecure ca=c"),)), "B n: insecure: cannot be combined with B n: ca"),
        (Settings(b=(Backend.parse("x name=n ca=/nowhere/ca.pem"),)), "B n: ca: cannot read /nowhere/ca.pem: No such"),
    ],
)
def test_what_contradicts_itself_or_is_not_there_is_refused(settings, why):
    with pytest.raises(ConfigError, match=why):
        check_trust(settings)


@pytest.mark.parametrize(
    ("cert", "key", "flaw"),
    [
        ("both", "", ""),
        ("cert", "key", ""),
        ("cert", "", "no PEM private key in {cert}: set -key.file to the file of its key"),
        ("cert", "cert", "no PEM private key in {cert}: set -key.file to the file of its key"),
        ("cert", "junk", "no PEM private key in {junk}"),
        ("key", "cert", "no PEM certificate in {key}"),
        ("junk", "", "no PEM certificate in {junk}"),
    ],
)
def test_what_a_pair_of_files_lacks_is_named(tmp_path, cert, key, flaw):
    authority = trustme.CA()
    issued = authority.issue_cert("x.test")
    issued.private_key_pem.write_to_path(tmp_path / "key")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both")
    (tmp_path / "junk").write_bytes(b"\x00\xffBEGIN")
    paths = {name: str(tmp_path / name) for name in ("both", "cert", "key", "junk")}
    assert pem_flaw(paths[cert], paths.get(key, ""), "-key.file") == flaw.format(**paths)


def test_a_client_certificate_without_its_key_is_named(tmp_path):
    path = tmp_path / "cert.pem"
    trustme.CA().cert_pem.write_to_path(path)
    with pytest.raises(ConfigError, match=rf"^-a\.cert: no PEM private key in {path}: set -a\.key"):
        check_trust(Settings(a_cert=str(path)))


def test_the_defaults_are_fine(caplog):
    check_trust(Settings(a=A, b=(PLAIN,)))
    assert not caplog.records


def test_a_certificate_and_a_name_in_the_line_of_a_b_are_its_own():
    line = "https://x cert=/own.pem server-name=own.test"
    words = ["-b", line, "-b", "https://y key=/other.key", "-b.cert", "/c.pem", "-b.key", "/k.pem"]
    own, other = trusts_of_b(load([*words, "-b.server-name", "all.test"], {}))
    assert (own.certificate, own.server_name) == ("/own.pem", "own.test")
    assert (other.certificate, other.server_name) == (("/c.pem", "/other.key"), "all.test")
