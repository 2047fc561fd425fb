"""Texts as words, in one way for both databases."""

from __future__ import annotations

import re
import unicodedata

from registry.card import Card

MOST_WORDS = 1000  # of one model
LONGEST = 40
IN_NAME = "\ue000"  # begins a word of the name, which is indexed with and without it; no text has it in a word
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Split a text into words of letters and digits, each once, in lower case and without accents.

    >>> words_of("mnist-dnn, MobileNetV2; Café mnist")
    ['mnist', 'dnn', 'mobilenetv2', 'cafe']
    """
    plain = text.casefold()
    if not plain.isascii():
        apart = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return list(dict.fromkeys(word[:LONGEST] for word in _WORD.findall(plain)))


def in_name(words: list[str]) -> list[str]:
    """Return the words as they are looked for in names alone."""
    return [IN_NAME + word for word in words]


def model_words(name: str, card: Card, text: str) -> list[str]:
    """Return the words that a model is found by; `text` is what is said of it besides its card."""
    said = (name, card.name, card.summary, *card.tags, card.task, card.license, *card.classes, text)
    return in_name(words_of(name)) + words_of("\n".join(said))[:MOST_WORDS]
