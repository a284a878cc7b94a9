from httptee.http.interim import interim_fields


def test_fields_keep_their_case_order_and_duplicates():
    fields = [("Link", "</a>"), ("x", "1"), ("link", "</b>")]
    assert interim_fields(fields) == fields


def test_hop_by_hop_fields_and_lengths_are_removed():
    fields = [
        ("Connection", "x"),
        ("X", "1"),
        ("Keep-Alive", "5"),
        ("content-length", "3"),
        ("Transfer-Encoding", "chunked"),
    ]
    assert interim_fields([*fields, ("Link", "a")]) == [("Link", "a")]
