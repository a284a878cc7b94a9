import itertools
import re
from dataclasses import replace
from io import BytesIO

import pytest

from httptee.errors import ConfigError
from httptee.http.message import FileBody, Request
from httptee.ledger import Orders
from httptee.selection.rate import Rate
from httptee.selection.rules import header_filter, methods_filter, methods_search, path_filter
from httptee.selection.sampling import Sticky
from httptee.selection.selection import Criteria, selections
from httptee.selection.statuses import Statuses
from httptee.settings.backend import Backend
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import shadow_settings

BY_USER = Sticky.parse("header:X-User")


def request(method="GET", body=b"", target="/", headers=()):
    return Request(method, target, list(headers), body, "192.0.2.1", "http")


def of_user(user):
    return request(headers=[("X-User", str(user))])


def selection(name="b", **rules):
    return selections([Criteria(name, **rules)])[0]


def taken(chosen, requests):
    return {number for number, one in enumerate(requests) if chosen.refuses(one) is None}


def test_by_default_every_request_is_for_b_and_only_its_size_is_asked_for():
    assert selection().refuses(request()) is None
    assert [rule.reason for rule in selection().rules] == ["too_large"]


def test_a_share_of_ten_percent_is_ten_of_every_hundred():
    chosen = selection(percent=10.0)
    for _ in range(5):
        reasons = [chosen.refuses(request()) for _ in range(100)]
        assert (reasons.count(None), reasons.count("sampled_out")) == (10, 90)


def test_zero_percent_is_nothing():
    chosen = selection(percent=0.0)
    assert {chosen.refuses(request()) for _ in range(300)} == {"sampled_out"}


def test_methods_are_searched_as_the_go_tees_do():
    chosen = selection(filters=(methods_search(re.compile("^P|HEAD")),))
    assert chosen.refuses(request("HEAD")) is None
    assert chosen.refuses(request("POST")) is None
    assert chosen.refuses(request("GET")) == "filtered"


def test_every_filter_must_let_it_pass():
    filters = (methods_filter("GET"), path_filter("/a/*"), header_filter("!X-Bot"))
    chosen = selection(filters=filters)
    assert chosen.refuses(request(target="/a/b")) is None
    assert chosen.refuses(request("PUT", target="/a/b")) == "filtered"
    assert chosen.refuses(request(target="/b")) == "filtered"
    assert chosen.refuses(request(target="/a/b", headers=[("x-bot", "")])) == "filtered"


def test_what_is_filtered_is_not_drawn_for():
    chosen = selection(percent=10.0, filters=(methods_filter("GET"),))
    reasons = [chosen.refuses(request("GET" if number % 2 else "PUT")) for number in range(200)]
    assert [reasons.count(reason) for reason in (None, "sampled_out", "filtered")] == [10, 90, 100]


def test_a_body_over_the_limit_is_too_large():
    chosen = selection(max_body=3)
    assert chosen.refuses(request(body=b"abc")) is None
    assert chosen.refuses(request(body=b"abcd")) == "too_large"


def test_a_body_in_a_file_has_the_same_limit():
    chosen = selection(max_body=3)
    assert chosen.refuses(request(body=FileBody(BytesIO(b"abc"), 3))) is None
    assert chosen.refuses(request(body=FileBody(BytesIO(b"abcd"), 4))) == "too_large"


def test_a_rate_takes_tokens_for_what_would_be_sent_and_nothing_else():
    chosen = selection(rate=Rate.parse("3/h"), filters=(methods_filter("GET"),), max_body=0)
    assert chosen.refuses(request("PUT")) == "filtered"
    assert chosen.refuses(request(body=b"a")) == "too_large"
    assert chosen.refuses(request()) is None
    assert [chosen.over_rate(request()) for _ in range(2)] == [False, True]


# Sticky shares


def test_a_user_is_wholly_in_or_wholly_out():
    chosen = selection(percent=10.0, sticky=BY_USER)
    for user in range(500):
        assert len({chosen.refuses(of_user(user)) for _ in range(3)}) == 1


def test_a_share_that_grows_only_takes_in_more():
    users = [of_user(user) for user in range(5_000)]
    shares = [taken(selection(percent=percent, sticky=BY_USER), users) for percent in (1.0, 10.0, 20.0, 99.9)]
    assert all(smaller < larger for smaller, larger in itertools.pairwise(shares))


def test_bs_with_different_names_choose_their_own_users():
    users = [of_user(user) for user in range(5_000)]
    one, other = (taken(selection(name, percent=10.0, sticky=BY_USER), users) for name in ("b", "c"))
    assert 20 < len(one & other) < 80


def test_requests_without_a_key_are_drawn_for_one_by_one():
    chosen = selection(percent=10.0, sticky=BY_USER)
    reasons = [chosen.refuses(request()) for _ in range(100)]
    assert reasons.count(None) == 10


# Splits


def split(*percents, sticky=None):
    """The selections of Bs that share one split, placed as `shadow_settings` places them."""
    stick = f" sticky={sticky}" if sticky else ""
    lines = [f"http://b{number} percent={percent} split=s{stick}" for number, percent in enumerate(percents)]
    shadows = shadow_settings(Settings(b=tuple(Backend.parse(line) for line in lines)))
    return selections([shadow.criteria for shadow in shadows])


@pytest.mark.parametrize("sticky", [None, "header:X-User"])
def test_shares_of_one_split_are_disjoint_and_whole(sticky):
    chosen = split(20, 30, 50, sticky=sticky)
    for user in range(500):
        one = of_user(user)
        assert sorted(each.refuses(one) or "" for each in chosen) == ["", "sampled_out", "sampled_out"]


def test_shares_of_one_split_are_exact():
    chosen = split(20, 30)
    counts = [0, 0]
    for _ in range(100):
        one = request()
        for number, each in enumerate(chosen):
            counts[number] += each.refuses(one) is None
    assert counts == [20, 30]


def test_of_two_in_a_split_neither_moves_when_the_other_grows():
    users = [of_user(user) for user in range(3_000)]
    before, after = (
        [taken(each, users) for each in split(10, percent, sticky="header:X-User")] for percent in (10, 40)
    )
    assert before[0] == after[0]
    assert before[1] < after[1]


def test_percentages_of_a_split_come_to_a_hundred_at_most():
    with pytest.raises(ConfigError, match="split=s: its percentages must add up to at most 100: 101"):
        split(50, 51)
    assert len(split(33.3, 33.3, 33.4)) == 3


# Foreseeing


def told(chosen, asked):
    return [(finding.rule.text, finding.passes, finding.note) for finding in chosen.foresee(asked)]


def test_what_is_certain_and_what_depends_is_told_apart():
    chosen = selection(percent=10.0, filters=(methods_filter("GET"),), rate=Rate.parse("1/h"))
    assert told(chosen, request("PUT")) == [("methods=GET", False, "")]
    for _ in range(3):
        assert told(chosen, request()) == [
            ("methods=GET", True, ""),
            ("percent=10", None, "10 of 100 such requests"),
            ("max-body=1048576", True, ""),
            ("rate=1/h", None, "if the rate allows"),
        ]


def test_where_a_key_decides_nothing_depends():
    chosen = selection(percent=10.0, sticky=BY_USER)
    for user in range(50):
        share, *_ = chosen.foresee(of_user(user))
        assert share.rule.text == "percent=10 sticky=header:X-User"
        assert share.passes is (chosen.refuses(of_user(user)) is None)
        assert share.note.endswith("share 0 to 10")
    assert told(chosen, request())[0] == ("percent=10 sticky=header:X-User", None, "10 of 100 such requests")


def test_foreseeing_draws_no_card():
    chosen = selection(percent=10.0)
    for _ in range(30):
        chosen.foresee(request())
    assert [chosen.refuses(request()) for _ in range(100)].count(None) == 10


@pytest.mark.parametrize("sticky", [None, "client-ip"])
def test_what_is_ordered_holds_from_the_next_request_on(sticky):
    orders = Orders()
    criteria = Criteria("b", percent=100.0, sticky=Sticky.parse(sticky) if sticky else None)
    (selection,) = selections([criteria], orders=[orders])

    def passed():
        sent = [Request("GET", "/", [], b"", f"192.0.2.{number}", "http") for number in range(200)]
        refusals = [selection.refuses(request) for request in sent]
        return {reason: refusals.count(reason) for reason in set(refusals)}

    assert passed() == {None: 200}
    orders.percent = 20.0
    found = passed()
    assert found.keys() == {None, "sampled_out"}
    assert 15 <= found[None] <= 70
    orders.paused = True
    assert passed() == {"paused": 200}
    orders.paused, orders.percent = False, None
    assert passed() == {None: 200}


def test_without_a_control_socket_no_rule_reads_an_order():
    (selection,) = selections([Criteria("b")])
    assert [rule.reason for rule in selection.rules] == ["too_large"]


def test_only_some_statuses_of_a_pass_and_the_filters_come_before_the_share_after():
    chosen = selection(filters=(methods_filter("PUT"),), statuses=Statuses.parse("2xx"), percent=50.0)
    assert chosen.refuses(request("GET"), 200) == "filtered"
    assert {chosen.refuses(request("PUT"), 404) for _ in range(100)} == {"other_status"}
    reasons = [chosen.refuses(request("PUT"), 204) for _ in range(100)]
    assert (reasons.count(None), reasons.count("sampled_out")) == (50, 50)


def test_what_a_will_answer_is_foreseen_as_open():
    (finding, _) = selection(statuses=Statuses.parse("!5xx")).foresee(request())
    assert (finding.rule.text, finding.passes, finding.note) == ("only-status=!5xx", None, "if A answers so")


def test_a_request_that_asks_to_upgrade_is_for_a_b_that_wants_it():
    asks = replace(request(), upgrade=("websocket",))
    assert selection(percent=0.0).refuses(asks) == "filtered"
    assert selection(upgrades=True).refuses(asks) is None
    (found,) = selection().foresee(asks)
    assert (found.rule.text, found.passes, found.note) == ("upgrade=drop", False, "it asks for websocket")
    assert [each.rule.reason for each in selection(upgrades=True).foresee(asks)] == ["too_large"]


def test_a_body_that_still_arrives_has_room_where_the_filters_pass_and_no_card_is_drawn():
    chosen = selection(percent=50, filters=(methods_filter("POST"),), max_body=7)
    assert (chosen.room(request("POST")), chosen.room(request("GET"))) == (7, 0)
    for _ in range(1000):
        chosen.room(request("POST"))
    assert len(taken(chosen, [request("POST") for _ in range(100)])) == 50
    assert selection(percent=0).room(request()) == 0
