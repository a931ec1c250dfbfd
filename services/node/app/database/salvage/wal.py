"""The write-ahead log beside a database file: which frames of it count. Section 4 of
sqlite.org/fileformat2.html.

SQLite itself stops at the first frame whose checksum is wrong, and so loses every commit after one damaged
frame. Each frame's checksum continues from the one before it, which is stored; so the frames after a damaged
one are verified by what that one says of itself.
"""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import BinaryIO, Literal

_MAGIC = (0x377F0682, 0x377F0683)  # the second: checksums over big-endian words
_HEAD = 32  # bytes before the first frame
_FRAME_HEAD = 24

Order = Literal["<", ">"]
Sums = tuple[int, int]
Matrix = tuple[int, int, int]
"""The symmetric matrix ((a, b), (b, d)), modulo 2^32."""

_WORD = 0xFFFFFFFF
_LANE = 128  # bits: four words, and room for sums of products of two


@dataclass(frozen=True)
class Frame:
    """One version of a page: where its bytes begin in the log. `pages` is how many the database then has,
    as a commit says; 0 of another frame."""

    at: int
    page: int
    commit: bool
    sound: bool
    pages: int = 0


@dataclass(frozen=True)
class Wal:
    """The frames that count. `current`: of commits that the database file may lack, in order. `stale`: of an
    earlier round of the log; the file held them already when this round began. `torn`: of this round, behind
    its last whole commit: power loss tore the commit they belong to, or its last frames are damaged. `plain`
    says that SQLite reads the same frames, and `unread` counts the commits that it does not."""

    current: tuple[Frame, ...] = ()
    stale: tuple[Frame, ...] = ()
    torn: tuple[Frame, ...] = ()
    plain: bool = True
    unread: int = 0


def read_wal(log: BinaryIO, *, page_size: int, last_page: int) -> Wal:
    """Find the frames that count. A frame does when its checksum is right, or when only its own content is
    wrong; and a sound commit stands at or after it, so that a torn tail does not count."""
    log.seek(0)
    head = log.read(_HEAD)
    if len(head) < _HEAD:
        return Wal()
    magic, _, _, _, *salts, first, second = struct.unpack(">8I", head)
    order: Order = ">" if magic & 1 else "<"
    sound = magic in _MAGIC and _sums(head[:24], (0, 0), order) == (first, second)
    if sound:
        found = _frames(log, page_size, order, seed=(first, second))
    else:  # then a frame says of which round it is, and the frames agree on the order of bytes
        orders: tuple[Order, Order] = ("<", ">")
        both = [_frames(log, page_size, order, seed=(first, second)) for order in orders]
        found = max(both, key=lambda frames: sum(frame.sound for _, frame in frames))
        # Two in a row that agree: one alone may be damaged.
        agreed = [list(one) for (one, _), (other, _) in pairwise(found) if one == other]
        salts = agreed[0] if agreed else salts
    # The file itself may be shorter than it was: a commit says how long.
    last = max([last_page, *(frame.pages for _, frame in found if frame.sound)]) + len(found)
    current: list[Frame] = []
    stale: list[Frame] = []
    unbroken, read_by_sqlite = sound, 0
    follows = False  # whether the frame before this one is of the round
    for of, frame in found:
        own, known = of == tuple(salts), 1 <= frame.page <= last
        unbroken = unbroken and own and known and frame.sound
        read_by_sqlite += unbroken
        # Salts are in no checksum: they may be damaged alone. Checksums of an earlier round never continue.
        follows = own or (frame.sound and follows)
        if known and follows:
            current.append(frame)
        elif known and frame.sound:
            stale.append(frame)
    whole = _committed(current)
    beyond = current[read_by_sqlite:whole]
    unread = sum(frame.commit and frame.sound for frame in beyond)
    torn = tuple(frame for frame in current[whole:] if frame.sound)
    return Wal(tuple(current[:whole]), tuple(stale), torn, plain=not beyond, unread=unread)


def _committed(frames: list[Frame]) -> int:
    """How many of the frames stand at or before the last sound commit."""
    return max((at for at, frame in enumerate(frames, 1) if frame.commit and frame.sound), default=0)


def _frames(log: BinaryIO, page_size: int, order: Order, *, seed: Sums) -> list[tuple[Sums, Frame]]:
    """Every whole frame with its salts."""
    log.seek(_HEAD)
    found: list[tuple[Sums, Frame]] = []
    at = _HEAD
    seeds = [seed]
    while len(block := log.read(_FRAME_HEAD + page_size)) == _FRAME_HEAD + page_size:
        page, commit, salt1, salt2, first, second = struct.unpack(">6I", block[:_FRAME_HEAD])
        begun = [_sums(block[:8], seed, order) for seed in seeds]
        sums = _sums_after_page(begun, block[_FRAME_HEAD:], order)
        sound = (first, second) in sums
        found.append(((salt1, salt2), Frame(at + _FRAME_HEAD, page, commit > 0, sound, commit)))
        # Where the two differ, either the content is damaged or the stored checksum.
        seeds = [(first, second)] if sound else [(first, second), sums[0]]
        at += _FRAME_HEAD + page_size
    return found


def _sums(data: bytes, seed: Sums, order: Order) -> Sums:
    """The checksum algorithm of section 4.2."""
    first, second = seed
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second


def _sums_after_page(seeds: Sequence[Sums], page: bytes, order: Order) -> list[Sums]:
    """What `_sums` finds of a page from each of these seeds, in a third of the time: the log of a node that
    was killed may have thousands of pages, and it opens after them.

    A step takes the sums (f, s) and two words (x, y) to M (f, s) + (x, x + y), where M is ((1, 1), (1, 2)).
    So n steps come to M^n (f, s) + M^(n-1) (x, x + y) + ... of all words. Of that sum, the first half of the
    words times M^(n/2), plus the second half, makes one half as long. The words stand side by side in one
    large number, so that all are multiplied at once.
    """
    if order == ">":
        turned = array("I", page)
        turned.byteswap()
        page = turned.tobytes()
    words = int.from_bytes(page, "little")
    lowest, halves, whole = _powers(len(page) * 8 // _LANE)
    one, two, three, four = (words >> 32 * place & lowest for place in range(4))
    firsts = 2 * one + two + three  # M times the first pair of each lane, plus its second
    seconds = firsts + one + two + four
    for bits, lanes, (a, b, d) in halves:
        f, s = firsts & lanes, seconds & lanes
        firsts, seconds = a * f + b * s + (firsts >> bits), b * f + d * s + (seconds >> bits)
    a, b, d = whole
    return [((a * f + b * s + firsts) & _WORD, (b * f + d * s + seconds) & _WORD) for f, s in seeds]


@cache
def _powers(lanes: int) -> tuple[int, Sequence[tuple[int, int, Matrix]], Matrix]:
    """For so many lanes, a power of two: the lowest word of each; for each halving, how many bits the first
    half has, the lowest word of each of its lanes, and the power of M for as many steps; and that for all
    steps."""
    lowest = sum(_WORD << _LANE * lane for lane in range(lanes))
    power, halves = _squared((1, 1, 2)), []
    half = 1
    while half < lanes:
        halves.append((_LANE * half, lowest & ((1 << _LANE * half) - 1), power))
        power, half = _squared(power), half * 2
    return lowest, halves[::-1], power


def _squared(matrix: Matrix) -> Matrix:
    a, b, d = matrix
    return (a * a + b * b) & _WORD, (a * b + b * d) & _WORD, (b * b + d * d) & _WORD
