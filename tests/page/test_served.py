from httptee.page.served import JSON, SECURITY, Served, tagged


def test_an_answer_with_a_tag_may_be_kept_and_asked_for_again():
    one = tagged(JSON, b"{}")
    assert one.fields == [("ETag", one.tag), ("Cache-Control", "no-cache")]
    assert one.tag == tagged(JSON, b"{}").tag != tagged(JSON, b"[]").tag


def test_an_answer_without_a_tag_is_not_stored():
    assert Served(JSON, b"").fields == [("Cache-Control", "no-store")]


def test_a_download_has_a_name_and_a_refusal_the_methods():
    found = dict(Served(JSON, b"", file="pair-1.har", allow="GET, HEAD").fields)
    assert found["Content-Disposition"] == 'attachment; filename="pair-1.har"'
    assert found["Allow"] == "GET, HEAD"


def test_nothing_inline_is_allowed():
    policy = dict(SECURITY)["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
