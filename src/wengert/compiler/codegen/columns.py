"""Columns of arrays whose rows lie one after the other: read and written row by row, and transposed in registers.

A loop over the rows of an array such as ``x[:, 0]`` finds its entries a row apart, which processors read and write one by one.
Where a loop needs several columns that are near each other, a vector of each row is read instead, and what was rows is
turned into columns: in log2(m) rounds for blocks of m by m, in each of which rows and columns change one bit of their
numbers (Eklundh, 1972).
"""

from __future__ import annotations

from collections.abc import Sequence

from wengert.compiler.codegen.body import Body

POISON = "poison"  # LLVM's name for what nobody reads


def windows(offsets: Sequence[int], width: int) -> list[list[int]]:
    """Offsets in groups that one vector of entries covers each; those that would be alone are left out.

    >>> windows([0, 1, 2, 9, 10, 30], 8)
    [[0, 1, 2], [9, 10]]
    """
    found: list[list[int]] = []
    for offset in sorted(set(offsets)):
        if found and offset - found[-1][0] < width:
            found[-1].append(offset)
        else:
            found.append([offset])
    return [group for group in found if len(group) > 1]


class Columns:
    """Columns at some distances from the first one, as vectors of `width` entries.

    Parameters
    ----------
    element : str
        The LLVM type of an entry in memory, of `size` bytes.
    distances : sequence of int
        How many entries after the first column each of them lies; in order, from 0, all less than `width`.
    stride : int
        Entries from one row to the next.
    """

    def __init__(self, w: Body, element: str, size: int, width: int, distances: Sequence[int], stride: int):
        self.w, self.element, self.size, self.width = w, element, size, width
        self.distances, self.stride = distances, stride
        self.length = 1  # of what is read of a row
        while self.length <= distances[-1]:
            self.length *= 2
        self.row = f"<{self.length} x {element}>"
        self.suffix = f"v{self.length}{'f' if element in ('double', 'float') else 'i'}{8 * size}.p0"
        flags = (f"i1 {'true' if i in distances else 'false'}" for i in range(self.length))
        self.mask = f"<{self.length} x i1> <{', '.join(flags)}>"
        self.whole = len(distances) == self.length

    def read(self, first: str, rows: int) -> list[str]:
        """The columns' first entries, from a pointer to the first one on; in the lanes of rows beyond are zeros."""
        found = [self._read_row(first, i) if i < rows else "zeroinitializer" for i in range(self.width)]
        blocks = [self._joined(found[i :: self.length]) for i in range(self.length)]
        blocks = self._transposed(blocks)
        return [blocks[i] for i in self.distances]

    def write(self, first: str, columns: Sequence[str], rows: int) -> None:
        """The columns' first entries go to as many rows."""
        given = dict(zip(self.distances, columns, strict=True))
        blocks = self._transposed([given.get(i, POISON) for i in range(self.length)])
        for i in range(rows):
            block, at = divmod(i, self.length)
            self._write_row(first, i, self._part(blocks[at], block * self.length))

    def _read_row(self, first: str, i: int) -> str:
        place = self._place(first, i)
        if self.whole:
            return self.w.emit(f"load {self.row}, ptr {place}, align {self.size}")
        symbol = f"@llvm.masked.load.{self.suffix}"
        self.w.declare(symbol, f"declare {self.row} {symbol}(ptr, i32, <{self.length} x i1>, {self.row})")
        return self.w.emit(f"call {self.row} {symbol}(ptr {place}, i32 {self.size}, {self.mask}, {self.row} poison)")

    def _write_row(self, first: str, i: int, row: str) -> None:
        place = self._place(first, i)
        if self.whole:
            self.w.say(f"store {self.row} {row}, ptr {place}, align {self.size}")
            return
        symbol = f"@llvm.masked.store.{self.suffix}"
        self.w.declare(symbol, f"declare void {symbol}({self.row}, ptr, i32, <{self.length} x i1>)")
        self.w.say(f"call void {symbol}({self.row} {row}, ptr {place}, i32 {self.size}, {self.mask})")

    def _place(self, first: str, i: int) -> str:
        if not i:
            return first
        return self.w.emit(f"getelementptr {self.element}, ptr {first}, i64 {i * self.stride}")

    def _shuffled(self, length: int, one: str, other: str, lanes: Sequence[int | None]) -> str:
        """Lanes of two vectors of some length, the other's numbered on from the one's."""
        if one == other == POISON:
            return POISON
        kind = f"<{length} x {self.element}>"
        order = ", ".join("i32 poison" if lane is None else f"i32 {lane}" for lane in lanes)
        return self.w.emit(f"shufflevector {kind} {one}, {kind} {other}, <{len(lanes)} x i32> <{order}>")

    def _joined(self, parts: list[str]) -> str:
        """Vectors one after the other."""
        length = self.length
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=True)
            parts = [self._shuffled(length, one, other, range(2 * length)) for one, other in pairs]
            length *= 2
        return parts[0]

    def _part(self, vector: str, start: int) -> str:
        if self.length == self.width:
            return vector
        return self._shuffled(self.width, vector, POISON, range(start, start + self.length))

    def _transposed(self, vectors: list[str]) -> list[str]:
        """Each block of as many lanes as there are vectors transposed."""
        vectors, distance = list(vectors), 1
        while distance < self.length:
            for i in range(self.length):
                if i & distance:
                    continue
                one, other = vectors[i], vectors[i + distance]
                lanes = range(self.width)
                here = [lane if not lane & distance else self.width + lane - distance for lane in lanes]
                there = [lane + distance if not lane & distance else self.width + lane for lane in lanes]
                vectors[i] = self._shuffled(self.width, one, other, here)
                vectors[i + distance] = self._shuffled(self.width, one, other, there)
            distance *= 2
        return vectors
