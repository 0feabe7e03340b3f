"""Cutting a story: every token once, every offset true."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from service.text import WindowSpec, cut, normalise, sentences
from tests.conftest import ROOT

TOKENIZER = Tokenizer.from_file(str(ROOT / "model" / "serving" / "tokenizer.json"))
SPEC = WindowSpec(size=32, title=8, cls_id=101, sep_id=102)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He ran. Police fired.", ["He ran.", "Police fired."]),
        ("Sgt. J. T. Lee shot him.", ["Sgt. J. T. Lee shot him."]),
        ("It was in Joliet, Ill. The man died.", ["It was in Joliet, Ill.", "The man died."]),
        ("It was in Joliet, Ill. Tuesday.", ["It was in Joliet, Ill. Tuesday."]),
        ("At 5 p.m. Tuesday he fell.", ["At 5 p.m. Tuesday he fell."]),
        ("“Stop!” she said. He did.", ["“Stop!” she said.", "He did."]),
        ("One line\nAnother line", ["One line", "Another line"]),
        ("Did he? Yes. 12 officers came.", ["Did he?", "Yes.", "12 officers came."]),
        ("  \n \n", []),
        ("The U.S. Marshals came.", ["The U.S. Marshals came."]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text)] == expected


@given(st.text(max_size=400))
def test_sentences_cover_all_but_white_space(text: str) -> None:
    spans = sentences(text)
    covered = {i for span in spans for i in range(span.start, span.end)}
    plain = normalise(text)
    assert len(plain) == len(text)
    assert all(i in covered or plain[i].isspace() for i in range(len(text)))
    assert all(a.end <= b.start for a, b in itertools.pairwise(spans))


@given(st.text(alphabet="abc .!?\nPolice", max_size=600), st.text(max_size=60))
def test_windows_hold_every_token_once(text: str, title: str) -> None:
    cutting = cut(title, text, TOKENIZER, SPEC)
    got: dict[int, list[int]] = {i: [] for i in range(len(cutting.spans))}
    for window in cutting.windows:
        assert len(window.ids) <= SPEC.size
        assert window.ids[0] == SPEC.cls_id and window.ids[-1] == SPEC.sep_id
        for piece in window.pieces:
            got[piece.sentence].extend(window.ids[piece.start : piece.end])
    for index, span in enumerate(cutting.spans):
        sentence = normalise(text)[span.start : span.end]
        assert got[index] == TOKENIZER.encode(sentence, add_special_tokens=False).ids


def test_the_title_heads_every_window() -> None:
    cutting = cut("Officer shoots man", "He ran away from them. " * 30, TOKENIZER, SPEC)
    head = TOKENIZER.encode("officer shoots man", add_special_tokens=False).ids
    assert len(cutting.windows) > 3
    for window in cutting.windows:
        assert list(window.ids[1 : 1 + len(head)]) == head


def test_no_text_gives_one_window() -> None:
    assert [w.ids for w in cut(None, "", TOKENIZER, SPEC).windows] == [(101, 102)]
