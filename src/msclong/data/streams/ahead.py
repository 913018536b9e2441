"""The next part is read while this one is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice


def ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order, each made by one other thread while the one before is used; what is raised, too.

    Reading and decoding a file leave the interpreter to others, and so take no time of their own where there are two
    processors; one item more is in memory.
    """

    def one() -> list[Item]:
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(one)
        while made := coming.result():
            coming = reader.submit(one)
            yield made[0]
