"""The next part is read while this one is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor


def ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """The items in their order, each made by one other thread while the one before is used; what is raised, too.

    Reading and decoding a file leave the interpreter to others, and so take no time of their own where there are two
    processors; one item more is in memory.
    """
    done = object()
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(next, items, done)
        while (item := coming.result()) is not done:
            coming = reader.submit(next, items, done)
            yield item  # type: ignore[misc]
