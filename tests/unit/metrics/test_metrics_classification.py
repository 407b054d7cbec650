import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score
from torchmetrics.functional.classification import multiclass_calibration_error

from encdec.metrics.calibration import calibration_bins, expected_calibration_error
from encdec.metrics.classification import confusion_matrix, confusion_rows, per_class_scores, ranks, top_k_accuracy

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 5, size=300)
LOGITS = RNG.normal(size=(300, 5)) + 1.5 * np.eye(5)[LABELS]


def test_a_rank_counts_the_classes_before_the_right_one() -> None:
    logits = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    assert ranks(logits, np.array([0, 1, 2])).tolist() == [0, 2, 1]


def test_of_equal_scores_the_first_class_comes_first_as_in_argmax() -> None:
    logits = np.zeros((3, 3))
    assert ranks(logits, np.array([0, 1, 2])).tolist() == [0, 1, 2]
    assert logits.argmax(axis=1).tolist() == [0, 0, 0]


def test_top_k_accuracy_by_hand_and_by_sklearn() -> None:
    assert top_k_accuracy(np.array([0, 1, 2, 3]), k=1) == 0.25
    assert top_k_accuracy(np.array([0, 1, 2, 3]), k=3) == 0.75
    for k in (1, 2, 3):
        reference = top_k_accuracy_score(LABELS, LOGITS, k=k)
        assert top_k_accuracy(ranks(LOGITS, LABELS), k=k) == pytest.approx(reference)


def test_confusion_has_a_row_for_each_true_class() -> None:
    # class 0 was seen as 1 once and as 0 once, class 2 as 1
    confusion = confusion_matrix(np.array([0, 0, 2]), np.array([1, 0, 1]), num_classes=3)
    assert confusion.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    reference = sklearn_confusion(LABELS, LOGITS.argmax(1))
    assert confusion_matrix(LABELS, LOGITS.argmax(1), num_classes=5).tolist() == reference.tolist()


def test_the_table_of_the_confusion_names_both_classes() -> None:
    table = confusion_rows(np.array([[5, 1], [0, 7]]), classes=("cat", "dog"))
    assert table.values.tolist() == [["cat", "cat", 5], ["cat", "dog", 1], ["dog", "cat", 0], ["dog", "dog", 7]]


def test_scores_by_class_by_hand() -> None:
    # a: 2 hits of 4 answers and of 3 rows; b: 1 hit of 1 answer and of 3 rows; c: no row, no answer
    confusion = np.array([[2, 0, 1], [2, 1, 0], [0, 0, 0]])
    table = per_class_scores(confusion, classes=("a", "b", "c"))
    assert table["class"].tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(table["precision"], [2 / 4, 1.0, 0.0])
    np.testing.assert_allclose(table["recall"], [2 / 3, 1 / 3, 0.0])
    np.testing.assert_allclose(table["f1"], [4 / 7, 2 / 4, 0.0])
    assert table["support"].tolist() == [3, 3, 0]


def test_scores_by_class_equal_those_of_sklearn() -> None:
    answers = LOGITS.argmax(1)
    table = per_class_scores(confusion_matrix(LABELS, answers, num_classes=5), classes="abcde")
    reference = precision_recall_fscore_support(LABELS, answers)
    for name, values in zip(["precision", "recall", "f1", "support"], reference, strict=True):
        np.testing.assert_allclose(table[name], values)


def test_calibration_error_by_hand() -> None:
    # two bins. (0.5, 1]: confidences 0.8, 0.6, one right: |0.5 - 0.7| = 0.2, half of the rows.
    # [0, 0.5]: confidences 0.5, 0.3, both right: |1 - 0.4| = 0.6, half of the rows. 0.1 + 0.3
    confidence, correct = np.array([0.8, 0.6, 0.5, 0.3]), np.array([True, False, True, True])
    assert expected_calibration_error(confidence, correct, num_bins=2) == pytest.approx(0.4)


def test_the_ends_of_the_range_belong_to_the_outer_bins() -> None:
    confidence, correct = np.array([0.0, 1.0]), np.array([False, True])
    assert expected_calibration_error(confidence, correct, num_bins=15) == 0.0


def test_calibration_error_equals_that_of_torchmetrics() -> None:
    probs = torch.from_numpy(LOGITS).softmax(dim=1)
    reference = multiclass_calibration_error(probs, torch.from_numpy(LABELS), num_classes=5, n_bins=15, norm="l1")
    confidence, answers = probs.max(dim=1)
    found = expected_calibration_error(confidence.numpy(), answers.numpy() == LABELS, num_bins=15)
    assert found == pytest.approx(float(reference), rel=1e-5)


def test_calibration_bins_by_hand_and_their_error() -> None:
    # bins of width 0.25: 0.25 is on an edge and belongs to the bin below, 0 to the first
    bins = calibration_bins(np.array([0.0, 0.25, 0.3, 1.0]), np.array([True, False, True, True]), num_bins=4)
    assert bins.counts.tolist() == [2, 1, 0, 1]
    assert bins.confidence.tolist() == pytest.approx([0.125, 0.3, 0.0, 1.0])
    assert bins.accuracy.tolist() == [0.5, 1.0, 0.0, 1.0]
    confidence, correct = RNG.uniform(size=200), RNG.uniform(size=200) < 0.6
    many = calibration_bins(confidence, correct, num_bins=7)
    expected = float((many.counts * np.abs(many.accuracy - many.confidence)).sum() / 200)
    assert expected_calibration_error(confidence, correct, num_bins=7) == pytest.approx(expected)
