import pytest

from httptee.selection.secrets.secret_names import is_secret, may_name_secrets

SECRET = [
    "Authorization",
    "password",
    "passwd",
    "user_password",
    "X-Api-Key",
    "apiKey",
    "api_key",
    "APIKey",
    "access_token",
    "accessToken",
    "refreshToken",
    "X-Auth-Token",
    "client_secret",
    "clientSecret",
    "sessionId",
    "session_id",
    "JSESSIONID",
    "PHPSESSID",
    "sid",
    "csrf_token",
    "X-CSRF-Token",
    "jwt",
    "privateKey",
    "user[password]",
    "connect.sid",
    "credentials",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "otp",
    "auth",
]
PLAIN = [
    "author",
    "authors",
    "authority",
    "key",
    "primary_key",
    "keyboard",
    "monkey",
    "passenger",
    "compass",
    "passed",
    "side",
    "inside",
    "token_type",
    "name",
    "session_count",
    "password_changed_at",
    "expires_in",
    "design",
    "signal",
    "Surrogate-Key",
    "Sec-WebSocket-Key",
    "public_key",
    "price",
    "bypass",
]


@pytest.mark.parametrize("name", SECRET)
def test_these_names_stand_for_credentials(name):
    assert is_secret(name)
    assert may_name_secrets(name)


@pytest.mark.parametrize("name", [*PLAIN, "", "7", "é"])
def test_these_do_not(name):
    assert not is_secret(name)


def test_key_and_sig_are_credentials_in_a_query_only():
    assert is_secret("key", query=True)
    assert is_secret("sig", query=True)
    assert not is_secret("key")


def test_a_text_without_such_a_name_is_known_as_one():
    assert not may_name_secrets('{"price": 1, "title": "coat"}')
