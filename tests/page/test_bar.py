import pytest

from httptee.page.bar import PARTS, WIDTH, bar


@pytest.mark.parametrize(
    "counts",
    [
        (1, 0, 0, 0, 0, 0),
        (999_999, 1, 0, 0, 0, 0),
        (1, 1, 1, 1, 1, 1),
        (0, 0, 10**9, 3, 0, 9),
        (33, 33, 33, 1, 0, 0),
        (10**6, 1, 1, 1, 1, 1),
    ],
)
def test_the_parts_add_up_and_none_is_lost(counts):
    parts = bar({**dict(zip(PARTS, counts, strict=True)), "seen": sum(counts)})
    assert sum(part.width for part in parts) == WIDTH
    assert [part.start for part in parts] == [sum(part.width for part in parts[:number]) for number in range(6)]
    assert [part.width > 0 for part in parts] == [count > 0 for count in counts]
    assert sum(part.share for part in parts) == pytest.approx(1)


def test_without_clones_the_bar_is_empty():
    assert {part.width for part in bar({**dict.fromkeys(PARTS, 0), "seen": 0})} == {0}
