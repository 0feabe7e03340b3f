"""Finds, among many stories, the earlier one that a story is a copy of.

An inverted index over the smallest hashes of each fingerprint (Broder 1997): copies
share some of them, so only stories that do are compared. Memory is linear in the
stories added: about 5 kB each.
"""

from collections import Counter

from service.fingerprint import same_story, sketch

# Copies of the same length that share 0.6 of their shingles miss each other with
# probability 0.57^32; a quarter of a story and the whole of it with 0.75^32.
_KEYS = 32
# Hashes of phrases that thousands of stories share tell nothing; the first stories count.
_POSTINGS = 50
_COMPARED = 20


class CopyIndex:
    """Stories by number, from 0, in the order in which they were added."""

    def __init__(self) -> None:
        self._fingerprints: list[str] = []
        self._stories: dict[int, list[int]] = {}

    def add(self, fingerprint: str) -> int:
        """The new story's number. Raises ValueError for a string that is no fingerprint."""
        number = len(self._fingerprints)
        for key in sketch(fingerprint)[:_KEYS]:
            stories = self._stories.setdefault(key, [])
            if len(stories) < _POSTINGS:
                stories.append(number)
        self._fingerprints.append(fingerprint)
        return number

    def find(self, fingerprint: str) -> int | None:
        """The number of a story that this is a copy of: the one most like it, or None."""
        shared: Counter[int] = Counter()
        for key in sketch(fingerprint):
            shared.update(self._stories.get(key, ()))
        for number, _ in shared.most_common(_COMPARED):
            if same_story(fingerprint, self._fingerprints[number]):
                return number
        return None
