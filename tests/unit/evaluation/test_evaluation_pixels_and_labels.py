"""Independent pixels and logistic regression, by hand and against scikit-learn."""

import numpy as np
import pytest
from scipy.stats import bernoulli
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from encdec.evaluation.independent_pixels import independent_nll
from encdec.evaluation.logistic_regression import MAX_ITERATIONS, STRENGTHS, Rows, classify, label_columns


def test_independent_nll_by_hand() -> None:
    train = np.array([[True, False], [True, False]])
    test = np.array([[True, False], [False, True]])
    # chances with one more row on and one off: 3/4 and 1/4. Row 0 has both likely: 2 log(4/3); row 1 neither: 2 log 4
    np.testing.assert_allclose(independent_nll(train, test), [2 * np.log(4 / 3), 2 * np.log(4)])


def test_independent_nll_is_that_of_scipy() -> None:
    generator = np.random.default_rng(0)
    train, test = generator.random((20, 5)) < 0.3, generator.random((4, 5)) < 0.3
    expected = -bernoulli((train.sum(axis=0) + 1) / 22).logpmf(test.astype(int)).sum(axis=1)
    np.testing.assert_allclose(independent_nll(train, test), expected)


def blobs(count: int, *, seed: int, classes: int = 3) -> Rows:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, size=count)
    centres = np.random.default_rng(5).random((classes, 4))
    return Rows((centres[labels] + 0.2 * generator.normal(size=(count, 4))).astype(np.float32), labels)


@pytest.mark.parametrize("classes", [2, 3])
def test_classifier_is_that_of_scikit_learn_with_the_strength_that_is_best_on_val(classes: int) -> None:
    train, val, test = (blobs(size, seed=size, classes=classes) for size in (120, 60, 40))
    found = classify(train, val, test.pixels, num_classes=classes)

    def fitted(strength: float) -> LogisticRegression:
        return LogisticRegression(C=strength, max_iter=1000, tol=1e-6).fit(train.pixels, train.labels)

    on_val = {strength: log_loss(val.labels, fitted(strength).predict_proba(val.pixels)) for strength in STRENGTHS}
    assert found.strength == min(on_val, key=lambda strength: on_val[strength])
    expected = fitted(found.strength).predict_proba(test.pixels)
    # both stop where the gradient is below 1e-4 or 1e-6: probabilities agree to about 1e-3
    np.testing.assert_allclose(np.exp(found.log_probs), expected, atol=5e-3)
    assert MAX_ITERATIONS <= 1000


def test_strength_is_chosen_on_val_whatever_train_prefers() -> None:
    train = blobs(60, seed=1)
    wrong = Rows(train.pixels, (train.labels + 1) % 3)
    # val calls every class by another's name: the surer of train's names, the worse, so the strongest penalty is best
    assert classify(train, wrong, train.pixels, num_classes=3).strength == STRENGTHS[0]
    assert classify(train, train, train.pixels, num_classes=3).strength == STRENGTHS[-1]


def test_class_that_train_lacks_gets_a_small_probability() -> None:
    train, val = blobs(30, seed=0, classes=2), blobs(10, seed=1, classes=2)
    probabilities = np.exp(classify(train, val, val.pixels, num_classes=3).log_probs)
    # Laplace: (0 + 1) / (30 + 3); the other two share the rest
    np.testing.assert_allclose(probabilities[:, 2], 1 / 33)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_train_of_one_class_predicts_it() -> None:
    pixels = np.zeros((4, 2), dtype=np.float32)
    found = classify(
        Rows(pixels, np.ones(4, dtype=np.int64)), Rows(pixels, np.ones(4, dtype=np.int64)), pixels, num_classes=2
    )
    # Laplace: class 0 has (0 + 1) / (4 + 2)
    np.testing.assert_allclose(np.exp(found.log_probs), np.tile([1 / 6, 5 / 6], (4, 1)))


def test_columns_of_labels_by_hand() -> None:
    log_probs = np.log([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    columns = label_columns(log_probs, np.array([0, 2, 1]))
    np.testing.assert_array_equal(columns["prediction"], [0, 1, 0])
    np.testing.assert_array_equal(columns["correct"], [True, False, False])
    np.testing.assert_array_equal(columns["rank"], [0, 1, 1])  # row 2: a tie, the first class comes first
    np.testing.assert_allclose(columns["confidence"], [0.7, 0.5, 0.4])
    np.testing.assert_allclose(columns["nll"], -np.log([0.7, 0.3, 0.4]))


def test_columns_agree_with_scikit_learn() -> None:
    train, val, test = (blobs(size, seed=size) for size in (120, 60, 40))
    log_probs = classify(train, val, test.pixels, num_classes=3).log_probs
    columns = label_columns(log_probs, test.labels)
    np.testing.assert_allclose(columns["nll"].astype(float).mean(), log_loss(test.labels, np.exp(log_probs)))
    assert columns["correct"].astype(float).mean() == accuracy_score(test.labels, log_probs.argmax(axis=1))
