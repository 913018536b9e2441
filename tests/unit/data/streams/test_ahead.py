"""Reading ahead changes neither the items nor what is raised."""

from collections.abc import Iterator
from threading import active_count, current_thread

import pytest

from msclong.data.streams.ahead import ahead


def test_items_come_in_their_order_from_another_thread() -> None:
    made: list[str] = []

    def items() -> Iterator[int]:
        for i in range(5):
            made.append(current_thread().name)
            yield i

    assert list(ahead(items())) == [0, 1, 2, 3, 4]
    assert all(name.startswith("read-ahead") for name in made)


def test_one_item_is_made_ahead_and_no_more() -> None:
    made: list[int] = []
    several = ahead(made.append(i) or i for i in range(9))  # type: ignore[func-returns-value]
    assert next(several) == 0
    several.close()  # waits for what is being made
    assert made == [0, 1]


def test_what_is_raised_is_raised_where_the_item_would_be() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("damaged")

    several, before = ahead(items()), active_count()
    assert next(several) == 1
    with pytest.raises(OSError, match="damaged"):
        next(several)
    assert active_count() == before
