import pytest

from httptee.http import Request
from httptee.verdict.judge.repeatable import unrepeatable


def request(method="GET", target="/users/12", headers=()):
    return Request(method, target, list(headers), b"", "", "http")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_safe_method_may_be_repeated(method):
    assert unrepeatable(request(method)) == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "PROPFIND"])
def test_any_other_method_is_not_repeated(method):
    assert unrepeatable(request(method)) == "method"


@pytest.mark.parametrize(
    "target",
    [
        "/logout",
        "/session/log-out",
        "/user/signOut",
        "/LogOut?x=1",
        "/%6Cogout",
        "/confirm/123",
        "/api/v1/confirmEmail",
        "/verify-email",
        "/verification",
        "/newsletter/unsubscribe/9",
        "/activate",
        "/resetPassword",
        "/reset_password",
        "/oauth2/authorize",
        "/auth/callback",
        "/one-time/55",
        "/oneTime",
        "/magic-link/5",
        "/invite/5",
        "/items/5/delete",
        "/login?token=1",
        "/?access_token=1",
        "/?accessToken",
        "/cb?x=1&code=5",
        "/?ticket=ST-1",
    ],
)
def test_what_looks_like_a_link_for_one_use_is_not_repeated(target):
    assert unrepeatable(request(target=target)) == "route"


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/users/12",
        "/blog/tokens",
        "/catalogue",
        "/design",
        "/preset",
        "/?country_codes=1",
        "/?decode=1",
        "/?a=code",
    ],
)
def test_an_ordinary_path_may_be_repeated(target):
    assert unrepeatable(request(target=target)) == ""


def test_credentials_for_one_request_are_not_sent_again():
    assert unrepeatable(request(headers=[("authorization", "Digest nonce=1")])) == "credentials"
    assert unrepeatable(request(headers=[("Authorization", "Bearer x")])) == ""
