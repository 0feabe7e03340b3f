"""Tells copies of one story from different stories, by their 5-word shingles.

A fingerprint is a bottom-k sketch (Broder 1997, "On the resemblance and
containment of documents"): how many shingles the story has and the smallest of
their hashes. Containment, the share of the shorter story's shingles that the
longer one has too, is estimated from two fingerprints alone.
"""

import base64
import re
import struct
from hashlib import blake2b

SHINGLE = 5  # words
SKETCH = 128  # hashes kept; the estimate is then off by 0.05 or so
SAME = 0.6  # containment from which two texts are one story
_WORD = re.compile(r"\w+")


def fingerprint(text: str) -> str:
    """At most 688 characters that stand for a text; equal for equal words."""
    words = _WORD.findall(text.lower())
    count = max(1, len(words) - SHINGLE + 1)
    shingles = (" ".join(words[start : start + SHINGLE]) for start in range(count))
    hashes = sorted({blake2b(shingle.encode(), digest_size=4).digest() for shingle in shingles})
    packed = struct.pack(">I", len(hashes)) + b"".join(hashes[:SKETCH])
    return base64.urlsafe_b64encode(packed).decode("ascii")


def containment(a: str, b: str) -> float:
    """Estimated share, 0 to 1, of the shorter text's shingles that the longer one has.

    Takes two fingerprints; raises ValueError for a string that is none.
    """
    (count_a, hashes_a), (count_b, hashes_b) = _unpack(a), _unpack(b)
    sketch_a, sketch_b = frozenset(hashes_a), frozenset(hashes_b)
    if count_a <= SKETCH and count_b <= SKETCH:
        return len(sketch_a & sketch_b) / min(count_a, count_b)
    union = sorted(sketch_a | sketch_b)[:SKETCH]
    shared = len(sketch_a.intersection(sketch_b, union))
    resemblance = shared / len(union)
    common = resemblance * (count_a + count_b) / (1 + resemblance)
    return min(1.0, common / min(count_a, count_b))


def same_story(a: str, b: str) -> bool:
    """Whether two fingerprints are of copies of one story, cut or extended."""
    return containment(a, b) >= SAME


def sketch(packed: str) -> tuple[int, ...]:
    """The hashes that a fingerprint keeps, smallest first; raises ValueError for no fingerprint."""
    return _unpack(packed)[1]


def _unpack(packed: str) -> tuple[int, tuple[int, ...]]:
    try:
        data = base64.urlsafe_b64decode(packed)
        count, *hashes = struct.unpack(f">{len(data) // 4}I", data)
    except (ValueError, struct.error):
        raise ValueError("not a fingerprint") from None
    if not 0 < len(hashes) <= SKETCH or count < len(hashes):
        raise ValueError("not a fingerprint")
    return count, tuple(hashes)
