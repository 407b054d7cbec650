"""On real data the monitor is silent as often as it says, and finds what it is there to find.

Seeds are fixed, so that nothing here is left to chance twice; the numbers of docs/monitoring.md come from
`python -m benchmarks.monitoring`, which draws many more batches by the same code.
"""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.drift import (
    IMAGE_SHIFTS,
    Images,
    NewClass,
    Texts,
    as_it_is,
    image_alarm,
    is_alarm,
    new_locale,
    plain_image_families,
    plain_text_families,
    rows_of_locale,
    same_texts,
    shifted,
    spoken_image_families,
    spoken_text_families,
    swapped_targets,
    text_alarm,
)
from encdec.monitoring.result import judge
from encdec.params.loading import Loaded
from encdec.params.monitoring import Monitoring

ROWS = 200
FOUND_OF = 4
"""Batches of each shift: all must be found."""
BATCHES = 60
UNLIKELY = 0.01


def share_is_at_most(rate: float, alarm: Callable[[np.random.Generator], bool], count: int) -> None:
    """A one-sided exact binomial test: so many alarms must not be unlikely at this rate."""
    found = sum(alarm(np.random.default_rng([ROWS, number])) for number in range(count))
    assert binomtest(found, count, rate, alternative="greater").pvalue > UNLIKELY, f"{found} of {count}"


def test_tests_of_pixels_statistics_and_labels_keep_the_rate(images: Images, rules: Monitoring) -> None:
    share_is_at_most(
        rules.false_alarm_rate,
        lambda generator: is_alarm(plain_image_families(images, ROWS, generator, rules, as_it_is), rules),
        200,
    )


@pytest.mark.parametrize("with_labels", [True, False])
def test_tests_of_what_image_models_say_keep_the_rate(images: Images, rules: Monitoring, with_labels: bool) -> None:
    shift = shifted(as_it_is, with_labels=with_labels)
    share_is_at_most(
        rules.false_alarm_rate,
        lambda generator: is_alarm(spoken_image_families(images, ROWS, generator, rules, shift), rules),
        80,
    )


def test_the_domain_classifier_keeps_the_rate_and_finds_a_rotation(images: Images, rules: Monitoring) -> None:
    chosen = rules.model_copy(update={"codes_test": "classifier"})
    alarms = 0
    for number in range(BATCHES):
        generator = np.random.default_rng([ROWS, number])
        codes = [f for f in spoken_image_families(images, ROWS, generator, chosen, as_it_is) if f.name == "codes"]
        assert codes[0].findings[0].statistic.endswith("of a domain classifier")
        alarms += is_alarm(codes, chosen)
    assert binomtest(alarms, BATCHES, rules.false_alarm_rate, alternative="greater").pvalue > UNLIKELY
    turned = spoken_image_families(images, ROWS, generator, chosen, IMAGE_SHIFTS["rotation by 20 degrees"][0])
    assert is_alarm([family for family in turned if family.name == "codes"], chosen)


def test_tests_of_texts_keep_the_rate(texts: Texts, rules: Monitoring) -> None:
    share_is_at_most(
        rules.false_alarm_rate,
        lambda generator: is_alarm(plain_text_families(texts, ROWS, generator, rules, same_texts), rules),
        200,
    )


def test_tests_of_what_the_text_model_says_keep_the_rate(texts: Texts, rules: Monitoring) -> None:
    share_is_at_most(
        rules.false_alarm_rate,
        lambda generator: is_alarm(spoken_text_families(texts, ROWS, generator, rules, same_texts), rules),
        100,
    )


@pytest.mark.parametrize("name", IMAGE_SHIFTS)
def test_a_shift_of_images_is_found(images: Images, rules: Monitoring, name: str) -> None:
    shift, with_labels = IMAGE_SHIFTS[name]
    chosen = shifted(shift, with_labels=with_labels)
    for number in range(FOUND_OF):
        assert image_alarm(images, 250, np.random.default_rng([1, number]), rules, chosen), number


def test_a_class_that_no_model_saw_is_found_without_labels(new_class: NewClass, rules: Monitoring) -> None:
    shift = new_class.shift(0.25)
    for number in range(FOUND_OF):
        assert image_alarm(new_class.images, ROWS, np.random.default_rng([2, number]), rules, shift), number


@pytest.mark.parametrize("locale", ["fi", "el"])
def test_a_locale_that_the_model_never_read_is_found(
    texts: Texts, loaded: Loaded, rules: Monitoring, locale: str
) -> None:
    """Finnish is written with letters that train has, Greek is not."""
    dates = loaded.params.pairs.sources.dates
    assert locale not in dates.locales
    shift = new_locale(rows_of_locale(dates, locale, texts.model, rows=100), 0.2)
    for number in range(FOUND_OF):
        assert text_alarm(texts, ROWS, np.random.default_rng([3, number]), rules, shift), number


def test_swapped_targets_are_found(texts: Texts, rules: Monitoring) -> None:
    """By the answers of the model, and by the likelihood of the targets."""
    shift = swapped_targets(texts.model, 0.5)
    for number in range(FOUND_OF):
        families = spoken_text_families(texts, ROWS, np.random.default_rng([4, number]), rules, shift)
        _, tests = judge(families, rate=rules.false_alarm_rate, psi_large=rules.psi_large)
        drifted = {test.name for test in tests if test.drifted}
        assert drifted >= {"seq2seq agreement", "nats per token of the given target"}, number
