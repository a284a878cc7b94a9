import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.http.peers.preamble import MOST, Preamble, read_preamble, write_preamble

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
# The examples of the specification, and what haproxy sends.
V1 = b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"
V1_LONGEST = (
    b"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
)
V2 = SIGNATURE + bytes.fromhex("2111000c cb007109 c0000201 1267 0050")
V2_TLV = SIGNATURE + bytes.fromhex("21110010 cb007109 c0000201 1267 0050 04 0001 00")
V2_IPV6 = SIGNATURE + bytes.fromhex("21210024") + bytes(15) + b"\1" + bytes(15) + b"\2" + bytes.fromhex("1267 0050")
V2_LOCAL = SIGNATURE + bytes.fromhex("20000000")
V2_UNIX = SIGNATURE + bytes.fromhex("213100d8") + bytes(216)


@pytest.mark.parametrize(
    ("data", "client"),
    [
        (V1, ("255.255.255.255", "65535")),
        (V1_LONGEST, ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "65535")),
        (b"PROXY TCP6 ::1 ::2 1 2\r\n", ("::1", "1")),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
        (V2, ("203.0.113.9", "4711")),
        (V2_TLV, ("203.0.113.9", "4711")),
        (V2_IPV6, ("::1", "4711")),
        (V2_LOCAL, None),
        (V2_UNIX, None),
        (SIGNATURE + bytes.fromhex("21000000"), None),
        (SIGNATURE + bytes.fromhex("20110003 010203"), None),  # the addresses of LOCAL are ignored
    ],
)
def test_a_preamble_is_read_however_it_arrives_and_not_beyond_its_end(data, client):
    assert read_preamble(data + b"GET / HTTP/1.1\r\n\r\n") == Preamble(len(data), client)
    for size in range(len(data)):
        assert read_preamble(data[:size]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01",
        b"PROXX TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.444 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY " + b"x" * 101,
        SIGNATURE + bytes.fromhex("11110000"),  # version 1 in the binary form
        SIGNATURE + bytes.fromhex("22110000"),  # an unknown command
        SIGNATURE + bytes.fromhex("2112000c") + bytes(12),  # UDP
        SIGNATURE + bytes.fromhex("2111000b") + bytes(11),  # too short for its addresses
        SIGNATURE + bytes.fromhex("2111ffff"),  # longer than what is read
        SIGNATURE[:11] + b"\r",
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match=r".+"):
        read_preamble(data)


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(data):
    for start in (b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21"):
        try:
            found = read_preamble(start + data)
        except ValueError:
            continue
        assert found is None or 0 < found.size <= min(len(start + data), MOST)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(
    ("client", "server", "read"),
    [
        (("203.0.113.9", "4711"), ("192.0.2.1", 80), ("203.0.113.9", "4711")),
        (("2001:db8::1", "4711"), ("2001:db8::2", 80), ("2001:db8::1", "4711")),
        (("203.0.113.9", "4711"), ("::1", 80), ("::ffff:203.0.113.9", "4711")),
        (("203.0.113.9", ""), ("", 0), ("203.0.113.9", "0")),
        (("203.0.113.9", "unix-7"), ("192.0.2.1", 80), ("203.0.113.9", "0")),
        (("", ""), ("192.0.2.1", 80), None),
        (("a.name", "1"), ("192.0.2.1", 80), None),
    ],
)
def test_what_is_written_can_be_read(version, client, server, read):
    data = write_preamble(version, client, server)
    found = read_preamble(data)
    assert found is not None
    assert found.size == len(data)
    if read is not None and read[0].startswith("::ffff:"):  # Python writes it in its hexadecimal form before 3.13
        assert found.client is not None
        assert found.client[1] == read[1]
    else:
        assert found.client == read


def test_the_bytes_are_those_of_the_specification():
    assert write_preamble("v1", ("203.0.113.9", "4711"), ("192.0.2.1", 80)) == (
        b"PROXY TCP4 203.0.113.9 192.0.2.1 4711 80\r\n"
    )
    assert write_preamble("v2", ("203.0.113.9", "4711"), ("192.0.2.1", 80)) == V2
