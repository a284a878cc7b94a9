from httptee.server.sockets.unsent import Unsent


def test_bytes_come_out_in_the_order_in_which_they_went_in():
    unsent = Unsent()
    unsent.append(b"abc")
    unsent.append(memoryview(b"xdef")[1:])
    assert (bytes(unsent.get(2)), bytes(unsent.get()), len(unsent)) == (b"ab", b"abcdef", 6)
    unsent.skip(2, True)
    unsent.append(b"g")
    assert (bytes(unsent.get(100)), len(unsent)) == (b"cdefg", 5)


def test_what_was_sent_is_not_kept():
    unsent, piece = Unsent(), bytes(100)
    unsent.append(piece)
    unsent.skip(50)
    assert unsent.get().obj is piece
    unsent.skip(50)
    assert (len(unsent), bytes(unsent.get(10)), unsent.get().obj) == (0, b"", b"")
    unsent.append(piece)
    unsent.close()
    assert (len(unsent), unsent.get().obj) == (0, b"")
