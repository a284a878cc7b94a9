import pytest

from httptee.errors import BadRequest, BodyTooLarge
from httptee.http import chunks
from httptee.http.chunks import ChunkReader

from .measured import MeasuredBytes, calls_of

LAST = b"0\r\n\r\n"


def read(data, step=None, most=10**9):
    """(content, bytes used, whether the body is whole), from pieces of `step` bytes."""
    reader, content, used = ChunkReader(most), [], 0
    while used < len(data) and not reader.whole:
        read, piece = reader.feed(data[used : used + (step or len(data))])
        used += read
        content.append(piece)
    return b"".join(content), used, reader.whole


WHOLE = {
    b"0\r\n\r\n": b"",
    b"000\r\n\r\n": b"",
    b"5\r\nhello\r\n0\r\n\r\n": b"hello",
    b"0005\r\nhello\r\n0\r\n\r\n": b"hello",
    b"0" * 30 + b"5\r\nhello\r\n0\r\n\r\n": b"hello",
    b"1\r\na\r\n2\r\nbc\r\nA\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n": b"abc01234567890123456789",
    b"4\r\n\r\n\r\n\r\n0\r\n\r\n": b"\r\n\r\n",
    b"5\r\n0\r\n\r\n\r\n1\r\n\n\r\n0\r\n\r\n": b"0\r\n\r\n\n",
    b"10\r\n0123456789abcdef\r\n1F\r\n" + b"x" * 31 + b"\r\n0\r\n\r\n": b"0123456789abcdef" + b"x" * 31,
    b"1;a\r\nx\r\n0;b=c\r\n\r\n": b"x",
    b'1 ; a = "q;\\""\r\nx\r\n0\r\n\r\n': b"x",
    b'1;a="b\\\\";c=d\t;\te\r\nx\r\n0\r\n\r\n': b"x",
    b"1\r\nx\r\n0\r\nA: b\r\nC:\xe9\r\nD:\r\n\r\n": b"x",
}


@pytest.mark.parametrize("step", [None, 1, 2, 3, 5, 16])
@pytest.mark.parametrize("data", WHOLE)
def test_a_body_is_read_to_its_end_and_not_beyond(data, step):
    assert read(data + b"GET / HTTP/1.1\r\n", step) == (WHOLE[data], len(data), True)


@pytest.mark.parametrize("data", WHOLE)
def test_no_prefix_of_a_body_is_a_whole_one(data):
    for end in range(len(data)):
        assert not read(data[:end])[2]


BROKEN = [
    b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b"\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhell\r\n0\r\n\r\n",
    b"1\r\nab\r\n",
    b"1\r\na\r\n1\r\nbc\r\n",
    b"5\n\r\nhello\r\n0\r\n\r\n",
    b"5\r\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n",
    b"-1\r\n\r\n",
    b"0x5\r\nhello\r\n",
    b"5_0\r\n\r\n",
    b"g\r\n\r\n",
    b";a=b\r\n\r\n",
    b"10000000000000005\r\nhello\r\n",
    b"5;\r\nhello\r\n",
    b"5;a=\r\nhello\r\n",
    b"5;a=b c\r\nhello\r\n",
    b"5;a\x00\r\nhello\r\n",
    b"5;a=b\n\r\nhello\r\n",
    b"5;a\rb\r\nhello\r\n",
    b'5;a="\x01"\r\nhello\r\n',
    b'5;a="\x7f"\r\nhello\r\n',
    b'5;a="b\r\nhello\r\n',
    b'5;a="\\\x00"\r\nhello\r\n',
    b"0\n\r\n",
    b"0\r\n\n",
    b"0\r\nX: y\n\nGET / HTTP/1.1\r\n\r\n",
    b"0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"0\r\nX\x00: a\r\n\r\n",
    b"0\r\nX: a\rb\r\n\r\n",
    b"0\r\nX : a\r\n\r\n",
    b"0\r\nX: a\r\n b\r\n\r\n",
    b"0\r\n: a\r\n\r\n",
    b"0\r\nX: a\x7f\r\n\r\n",
]


@pytest.mark.parametrize("step", [None, 1, 2, 3, 5])
@pytest.mark.parametrize("data", BROKEN)
@pytest.mark.parametrize("before", [b"", b"3\r\nabc\r\n" * 3])
def test_what_breaks_the_grammar_is_refused(data, before, step):
    with pytest.raises(BadRequest):
        read(before + data, step)


@pytest.mark.parametrize("step", [None, 1, 1000])
def test_a_chunk_line_has_a_longest_length(step):
    line = b"1;" + b"a" * (chunks._LONGEST_LINE - 4) + b"\r\n"
    assert read(line + b"x\r\n" + LAST, step)[0] == b"x"
    with pytest.raises(BadRequest, match="over 4096 bytes"):
        read(line.replace(b";", b";a"), step)
    with pytest.raises(BadRequest, match="over 4096 bytes"):
        read(b"1" * 5000, step)


@pytest.mark.parametrize("step", [None, 1, 7])
def test_trailers_have_a_largest_size_and_number(step):
    assert read(b"0\r\n" + b"a:\r\n" * 1023 + b"\r\n", step)[2]
    with pytest.raises(BadRequest, match="too large"):
        read(b"0\r\n" + b"a:\r\n" * 1025, step)
    with pytest.raises(BadRequest, match="too large"):
        read(b"0\r\nX: " + b"y" * 65_536, step)


@pytest.mark.parametrize("step", [None, 1, 4096])
def test_framing_may_take_64_kib_and_eight_times_the_content(step):
    wasteful = b"1;" + b"e" * 90 + b"\r\nx\r\n"  # 96 bytes of framing for one of content
    allowed = chunks._OVERHEAD // (96 - 8)
    read(wasteful * allowed, step)
    with pytest.raises(BadRequest, match="framing"):
        read(wasteful * (allowed + 2), step)
    content = b"%x\r\n%b\r\n" % (10_000, b"x" * 10_000)
    read(content + wasteful * (allowed + 800), step)


@pytest.mark.parametrize("step", [None, 1, 4096])
def test_chunks_of_one_byte_are_allowed_for_ever(step):
    assert len(read(b"1\r\nx\r\n" * 20_000, step)[0]) == 20_000


@pytest.mark.parametrize("step", [None, 1, 4])
@pytest.mark.parametrize("data", [b"b\r\n", b"1\r\na\r\n" * 11, b"a\r\n0123456789\r\n1\r\n", b"ffffffffffffffff\r\n"])
def test_a_body_over_the_limit_is_refused_at_the_size_that_exceeds_it(data, step):
    with pytest.raises(BodyTooLarge):
        read(data, step, most=10)


def test_a_body_at_the_limit_is_read():
    assert read(b"1\r\na\r\n" * 10 + LAST, most=10)[0] == b"a" * 10


@pytest.mark.parametrize("block", [b"1\r\na\r\n", b"1\r\na\r\n2\r\nbc\r\n", b"f\r\n" + b"x" * 15 + b"\r\n"])
def test_short_chunks_are_read_in_bulk(block):
    """As many functions are called for 10,000 chunks as for 1,000."""
    few, many = (calls_of(lambda times=times: read(block * times)) for times in (1000, 10_000))
    assert many == few <= 40


PATTERNS = {
    "one byte": b"1\r\na\r\n",
    "one byte and an extension": b"1;a\r\nx\r\n",
    "leading zeros": b"0001\r\nx\r\n",
    "short and long ones in turn": b"1\r\na\r\n10\r\n0123456789abcdef\r\n",
    "content like framing": b"5\r\n5\r\n5\r\r\n",
    "long ones": b"200\r\n" + b"x" * 512 + b"\r\n",
}


@pytest.mark.parametrize("step", [1, 3, 4000, 65_536])
@pytest.mark.parametrize("name", PATTERNS)
def test_the_cost_is_in_proportion_to_the_size(name, step):
    """Bytes copied and functions called: twice as many for twice as much, and a few for each byte or each read."""
    size = min(20_000, 2_500 * step)

    def cost(times):
        data = PATTERNS[name] * (times * (size // len(PATTERNS[name])))
        pieces = [MeasuredBytes(data[start : start + step]) for start in range(0, len(data), step)]
        reader = ChunkReader(10**9)
        MeasuredBytes.copied = 0
        calls = calls_of(lambda: [reader.feed(piece) for piece in pieces])
        return calls, MeasuredBytes.copied

    (calls, copied), (twice_calls, twice_copied) = cost(1), cost(2)
    assert twice_calls <= 2.01 * calls + 100
    assert twice_copied <= 2 * copied + 8192
    # Each byte of content once; each byte of framing once or twice; up to one longest line at each read.
    reads = size // step + 1
    assert calls <= 2 * size + 16 * reads
    assert copied <= 2 * size + reads * min(step, chunks._LONGEST_LINE)
