"""The payloads of a batch, laid out as they go to the lake: one after the other, in a few blocks.

What a page brought is copied out of it once, into one block; so a page need not be kept for the sake of its records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate


class Payloads:
    """JSON bytes in the order in which they were added."""

    __slots__ = ("_blocks", "_single")

    def __init__(self, payloads: Iterable[bytes] = ()) -> None:
        self._blocks: list[tuple[bytes, list[int]]] = []
        self._single = list(payloads)

    def append(self, payload: bytes) -> None:
        """Add one."""
        self._single.append(payload)

    def extend(self, payloads: Sequence[bytes | memoryview]) -> None:
        """Add several as a block of their own; views may be of something that goes away."""
        if payloads:
            self.blocks().append((b"".join(payloads), list(map(len, payloads))))

    def blocks(self) -> list[tuple[bytes, list[int]]]:
        """All payloads: blocks, each with the lengths of its payloads, which lie there without a gap."""
        if self._single:
            self._blocks.append((b"".join(self._single), list(map(len, self._single))))
            self._single = []
        return self._blocks

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(len(block) for block, _ in self._blocks) + sum(map(len, self._single))

    def __len__(self) -> int:
        return sum(len(lengths) for _, lengths in self._blocks) + len(self._single)

    def __iter__(self) -> Iterator[bytes]:
        for block, lengths in self._blocks:
            ends = accumulate(lengths)
            yield from (block[end - length : end] for end, length in zip(ends, lengths, strict=True))
        yield from self._single
