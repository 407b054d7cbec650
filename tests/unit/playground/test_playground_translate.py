"""The beam's alternatives, against the search of the evaluation and against the network's own probabilities."""

import numpy as np
import pytest
import torch

from encdec.batches import PairBatch
from encdec.cards import BOS_ID, EOS_ID
from encdec.losses.sequence import sequence_nll
from encdec.nn.search import EOS_ID as SAME_END
from encdec.playground.opening import Opened
from encdec.playground.translate import LONGEST, answer_of, search, source_tokens, translate, unknown_in
from encdec.preparation.vocabulary import Vocabulary
from encdec.serving.texts import TextModel

TEXTS = ["12 March 2021", "Montag, 3. Mai 1999", "2081年8月25日(月)", "١٩٨٣", "x"]


@pytest.fixture
def model(opened: Opened) -> TextModel:
    assert opened.texts is not None
    return opened.texts


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("beam_size", [1, 4, 9])
def test_the_best_answer_is_that_of_the_models_own_search(model: TextModel, text: str, beam_size: int) -> None:
    ids = torch.tensor([model.source.encode(text)])
    decoding = model.decoding.model_copy(update={"beam_size": beam_size})
    expected = model.network.decode(ids, torch.ones_like(ids, dtype=torch.bool), decoding)
    found = translate(model, text, beam_size=beam_size)
    assert found.answers[0].text == model.target.decode(expected.ids[0].tolist())
    assert found.answers[0].score == pytest.approx(float(expected.scores[0]), abs=1e-4)
    assert expected.attention is not None
    assert found.attention is not None
    rows = len(found.attention)
    np.testing.assert_allclose(found.attention, expected.attention[0, :rows].numpy(), atol=1e-5)
    np.testing.assert_allclose(found.attention.sum(axis=1), 1.0, rtol=1e-4)
    assert found.attention.shape == (len(found.answers[0].tokens) + found.answers[0].ended, len(text))


@pytest.mark.parametrize("text", TEXTS)
def test_the_score_of_each_alternative_is_the_networks_own(model: TextModel, text: str) -> None:
    ids = torch.tensor([model.source.encode(text)])
    mask = torch.ones_like(ids, dtype=torch.bool)
    found = search(model, ids, beam_size=6)
    assert len({tuple(each.ids) for each in found}) == len(found)
    for each in found:
        target = torch.tensor([[BOS_ID, *each.ids]])
        batch = PairBatch(ids, mask, target, torch.ones_like(target, dtype=torch.bool))
        with torch.inference_mode():
            logits = model.network(batch.source_ids, batch.source_mask, batch.target_ids)
            nll = sequence_nll(logits, batch.target_ids[:, 1:], batch.target_mask[:, 1:])
        assert each.score == pytest.approx(-float(nll), abs=1e-3)


def test_alternatives_stand_in_the_order_of_the_score_that_decides(model: TextModel) -> None:
    found = translate(model, TEXTS[0], beam_size=6)
    assert len(found.answers) >= 4
    values = [each.value for each in found.answers]
    assert values == sorted(values, reverse=True)
    for each in found.answers:
        length = len(each.tokens) + 1  # the end counts
        assert each.value == pytest.approx(each.score / length**model.decoding.length_penalty)
        assert each.probability == pytest.approx(np.exp(each.score))
    assert SAME_END == EOS_ID


def test_what_the_model_has_never_seen_is_named_once(model: TextModel) -> None:
    found = translate(model, "12 ☃ March ☃ 2021 €", beam_size=2)
    assert found.unknown == ["☃", "€"]
    assert found.source == list("12 ☃ March ☃ 2021 €")
    assert translate(model, "12 March 2021", beam_size=2).unknown == []


def test_words_are_named_as_words() -> None:
    vocabulary = Vocabulary.learn(["a man walks"], tokens="words", max_size=20)
    assert unknown_in(vocabulary, "a dog  walks dog") == ["dog"]
    assert source_tokens(vocabulary, "a dog  walks") == ["a", "dog", "walks"]


def test_byte_pairs_are_shown_as_they_are_read() -> None:
    vocabulary = Vocabulary.learn(["ab ab ab"] * 3, tokens="bpe", max_size=300)
    assert source_tokens(vocabulary, "ab ab") == vocabulary.tokens_of(vocabulary.encode("ab ab"))
    assert len(source_tokens(vocabulary, "ab ab")) == len(vocabulary.encode("ab ab"))


def test_a_text_in_two_spellings_of_unicode_is_one_text(model: TextModel) -> None:
    composed, apart = translate(model, "4 août 1914", beam_size=2), translate(model, "4 aou\u0302t 1914", beam_size=2)
    assert composed.source == apart.source
    assert composed.answers == apart.answers


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_no_text_is_a_sentence(model: TextModel, text: str) -> None:
    with pytest.raises(ValueError, match="type a text first"):
        translate(model, text, beam_size=4)


def test_a_pasted_book_is_refused_in_a_sentence(model: TextModel) -> None:
    with pytest.raises(ValueError, match="the text has 501 characters; the longest that can be tried here has 500"):
        translate(model, "x" * (LONGEST + 1), beam_size=4)
    assert translate(model, "1" * LONGEST, beam_size=2).answers


def test_a_search_that_finds_no_end_gives_its_best_beginning(model: TextModel) -> None:
    network = model.network
    before = network.max_decoded_length
    network.max_decoded_length = 3
    try:
        found = translate(model, TEXTS[0], beam_size=2)
    finally:
        network.max_decoded_length = before
    assert not found.answers[0].ended
    assert len(found.answers[0].tokens) == 3
    assert found.attention is not None
    assert found.attention.shape == (3, len(TEXTS[0]))


def test_an_answer_counts_its_end() -> None:
    from encdec.playground.translate import Hypothesis

    vocabulary = Vocabulary.learn(["ab"], tokens="characters", max_size=10)
    ids = [*vocabulary.encode("ab"), EOS_ID]
    found = answer_of(vocabulary, Hypothesis(ids, -6.0, []), 1.0)
    assert (found.text, found.tokens, found.value, found.ended) == ("ab", ["a", "b"], -2.0, True)
