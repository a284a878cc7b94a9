"""The listening side's TLS, made of settings. Files that do not do are in tests/integration/test_tls.py."""

import logging
import ssl
import time

import pytest

from httptee.errors import ConfigError
from httptee.server.sockets.context import certificate_end, server_context
from httptee.settings.settings import Settings
from tests.support.tls import Authority


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def test_without_a_certificate_there_is_none():
    assert server_context(Settings()) is None


def test_what_it_speaks(authority):
    context = server_context(Settings(cert_file=authority.issue()))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(("auth", "mode"), [("required", ssl.CERT_REQUIRED), ("optional", ssl.CERT_OPTIONAL)])
def test_clients_are_verified_where_there_are_authorities_for_them(authority, auth, mode, caplog):
    settings = Settings(cert_file=authority.issue(), client_ca=authority.file, client_auth=auth)
    assert server_context(settings).verify_mode == mode
    assert not caplog.records


def test_a_certificate_out_of_its_time_is_warned_of(authority, caplog):
    with caplog.at_level(logging.WARNING):
        server_context(Settings(cert_file=authority.issue(expired=True)))
    (record,) = caplog.records
    assert "has expired" in record.getMessage()


def test_authorities_for_clients_need_a_certificate_to_show_them(authority):
    with pytest.raises(ConfigError, match=r"-client-ca: needs -cert\.file"):
        server_context(Settings(client_ca=authority.file))


def test_a_certificate_without_its_key_says_which_option_names_the_key(authority):
    with pytest.raises(ConfigError, match=r"^-cert\.file: no PEM private key in .*: set -key\.file to the file"):
        server_context(Settings(cert_file=authority.file))


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"-cert\.file: cannot read .*: Is a directory"):
        server_context(Settings(cert_file=str(tmp_path)))


def test_the_end_of_the_certificate_is_known_also_when_it_is_over(authority):
    for expired in (False, True):
        file = authority.issue(file=f"{expired}.pem", expired=expired)
        end = certificate_end(server_context(Settings(cert_file=file)), file)
        assert (end < time.time()) is expired
        assert abs(end - time.time()) < 10 * 86400
    assert certificate_end(None, "") is None
