"""Every requirement is explained, in words of its own."""

from __future__ import annotations

import re

from hanami_conformance.catalogue import catalogue, client_catalogue
from hanami_conformance.catalogue.explanations import client_explanations, explanations

EVERY = {**explanations(), **client_explanations()}


def test_every_requirement_is_explained_in_the_order_of_the_catalogue() -> None:
    assert list(explanations()) == list(catalogue())
    assert list(client_explanations()) == list(client_catalogue())


def test_an_explanation_is_a_few_sentences_and_an_example() -> None:
    for name, one in EVERY.items():
        sentences = re.split(r"(?<=[.;]) ", one.why)
        assert 1 <= len(sentences) <= 3, name
        assert one.why.endswith("."), name
        assert 20 < len(one.example) < 160, name
        assert not one.example.endswith("."), name
        assert one.example.count("`") % 2 == 0, name


def test_no_two_requirements_are_explained_alike() -> None:
    texts = [text for one in EVERY.values() for text in (one.why, one.example)]
    assert len(set(texts)) == len(texts)
    for name, one in EVERY.items():
        assert (catalogue() | client_catalogue())[name].text not in (one.why, one.example)
