"""Every expected number is derived by hand or by a library that computes it another way."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy import stats
from sklearn.gaussian_process.kernels import RBF

from encdec.cards import ImageCard
from encdec.monitoring.codes import compare_codes, squared_mmd
from encdec.monitoring.correction import corrected, holm
from encdec.monitoring.finding import Bars, Family, Finding, Histogram
from encdec.monitoring.image_statistics import cell_means, cell_names, image_statistics
from encdec.monitoring.permuted import memberships, observed_membership, p_value
from encdec.monitoring.stability import population_stability_index
from encdec.monitoring.tokens import character_counts, chi_squared, compare_characters
from encdec.monitoring.two_samples import compare_classes, compare_shares, compare_values


def finding(p: float) -> Finding:
    return Finding("one", "statistic", 0.0, p, "effect", 0.0, 10, 10, "said")


def test_holm_multiplies_the_smallest_by_all_and_never_falls() -> None:
    # sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1 is 0.04, 0.06, 0.06, 0.04; never falling 0.04, 0.06, 0.06, 0.06
    np.testing.assert_allclose(holm([0.03, 0.01, 0.04, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.9, 0.8]), [1.0, 1.0])


def test_families_share_the_rate_whatever_their_size() -> None:
    families = [Family("many", "", [finding(0.001), finding(0.5)]), Family("one", "", [finding(0.01)])]
    # Holm 2 * 0.001 and 0.5, then times 2 families; 0.01 times 2
    found = corrected(families)
    np.testing.assert_allclose(found[0], [0.004, 1.0])
    np.testing.assert_allclose(found[1], [0.02])


def test_the_psi_of_two_bins_is_that_by_hand() -> None:
    # the nine deciles of 0 0 0 0 1 1 1 1 1 1 are 0, 0, 0, 0.6 and 1 five times: bins below, at and between 0, 0.6, 1.
    # At 0 there are 4 against 2 rows, at 1 there are 6 against 8; half a row more each of two bins with rows
    reference, batch = np.repeat([0.0, 1.0], [4, 6]), np.repeat([0.0, 1.0], [2, 8])
    p, q = np.array([4.5, 6.5]) / 11, np.array([2.5, 8.5]) / 11
    expected = ((q - p) * np.log(q / p)).sum()
    assert population_stability_index(reference, batch) == pytest.approx(expected)
    assert population_stability_index(reference, reference) == 0.0


def test_the_psi_sees_what_leaves_a_value_that_most_rows_share() -> None:
    black = np.zeros(100)
    assert population_stability_index(black, np.concatenate([np.zeros(50), np.ones(50)])) > 1.0


def test_numbers_are_compared_by_the_greatest_distance_of_their_distributions() -> None:
    # of 1 2 3 4 and 3 4 5 6: at 2 the first has half of its rows, the second none
    found = compare_values("x", np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6]))
    assert found.value == 0.5
    assert found.said == "50.0 % of the reference and 0.0 % of the batch are at most 2"
    # exact: all 70 ways to divide the ranks, of which so many are at least as far apart (ties as scipy has them)
    untied = compare_values("x", np.array([1.0, 2, 3, 4]), np.array([5.0, 6, 7, 8]))
    assert untied.p == pytest.approx(2 / 70)
    assert isinstance(found.shape, Histogram)
    assert sum(found.shape.reference) == pytest.approx(1.0)


def test_classes_are_compared_by_chi_squared_and_by_drawn_tables_where_they_are_few() -> None:
    # 2 x 2 of 10 10 and 5 15: n (ad - bc)^2 / (products of margins) = 40 * 100^2 / (20 * 20 * 15 * 25) = 2.667
    many = compare_classes("x", ["a"] * 10 + ["b"] * 10, ["a"] * 5 + ["b"] * 15, permutations=500, seed=1)
    assert many.value == pytest.approx(8 / 3)
    assert many.p == pytest.approx(stats.chi2.sf(8 / 3, df=1))
    assert many.size == pytest.approx((8 / 3 / 40) ** 0.5)
    assert many.said == "shares from reference to batch: a: 50.0 % to 25.0 %, b: 50.0 % to 75.0 %"
    # 3 0 and 0 3: of the 20 ways to choose 3 of 6, two are as far from expected, so p is 0.1
    few = compare_classes("x", ["a"] * 3, ["b"] * 3, permutations=20_000, seed=1)
    assert few.p == pytest.approx(0.1, abs=0.01)
    assert [found.statistic for found in (many, few)] == ["chi-squared", "chi-squared, tables drawn"]
    assert compare_classes("x", ["a"] * 3, ["a"] * 3, permutations=500, seed=1).p == 1.0


def test_shares_are_compared_by_fishers_exact_test() -> None:
    # the lady tasting tea: 4 of 4 against 0 of 4 has the probability 1 / 70
    yes, no = np.array([True] * 4), np.array([False] * 4)
    found = compare_shares("x", no, yes, alternative="greater", said="it is so")
    assert found.p == pytest.approx(1 / 70)
    assert found.size == 1.0
    assert found.said == "it is so in 0.0 % of the reference and 100.0 % of the batch"
    assert compare_shares("x", no, yes, alternative="less", said="").p == 1.0


def test_every_permutation_has_the_rows_of_the_batch() -> None:
    chunks = list(memberships(5, 3, permutations=1000, seed=1))
    drawn = np.concatenate(chunks)
    assert drawn.shape == (1000, 8)
    assert (drawn.sum(axis=1) == 3).all()
    # each of the 56 sets of 3 of 8 rows comes about 18 times: none is missing, and none is rare
    counts = Counter(map(bytes, drawn))
    assert len(counts) == 56
    assert stats.chisquare(list(counts.values())).pvalue > 0.001


def test_a_permutation_p_value_counts_the_observed_one() -> None:
    assert p_value(3.0, np.array([1.0, 2.0, 3.0, 4.0])) == 3 / 5
    assert p_value(9.0, np.zeros(99)) == 1 / 100


def test_squared_mmd_is_that_of_the_definition() -> None:
    generator = np.random.default_rng(1)
    both = generator.normal(size=(7, 2))
    kernel = RBF(length_scale=1.3)(both)
    reference, batch = range(4), range(4, 7)
    mean = lambda left, right: np.mean([kernel[a, b] for a, b in itertools.product(left, right)])  # noqa: E731
    expected = mean(batch, batch) + mean(reference, reference) - 2 * mean(batch, reference)
    assert squared_mmd(observed_membership(4, 3), kernel)[0] == pytest.approx(expected)


@pytest.mark.parametrize("test", ["mmd", "classifier"])
def test_codes_that_moved_are_told_from_codes_that_did_not(test: str) -> None:
    generator = np.random.default_rng(2)
    known, same = generator.normal(size=(120, 3)), generator.normal(size=(100, 3))
    apart = compare_codes("x", known, same + np.array([0.0, 1.5, 0.0]), test=test, permutations=500, seed=1)  # type: ignore[arg-type]
    together = compare_codes("x", known, same, test=test, permutations=500, seed=1)  # type: ignore[arg-type]
    assert apart.p < 0.01 < 0.05 < together.p
    if test == "mmd":
        assert apart.p == 1 / 501


def test_a_classifier_that_cannot_be_wrong_has_an_area_of_one() -> None:
    known, far = np.arange(40.0)[:, None], np.arange(100.0, 140.0)[:, None]
    found = compare_codes("x", known, far, test="classifier", permutations=500, seed=1)
    assert found.value == 1.0
    # all 20 judged rows of the batch above all 20 known ones: Mann and Whitney's exact p would be 1 / C(40, 20)
    assert found.p < 1e-6


def test_characters_are_counted_by_row_and_compared_as_one_table() -> None:
    names, counts = character_counts(["aab", "b", "cc"])
    assert names == ["a", "b", "c"]  # two each: by code point
    np.testing.assert_array_equal(counts, [[2, 1, 0], [0, 1, 0], [0, 0, 2]])
    sides = observed_membership(2, 1)
    table = [[2, 2, 0], [0, 0, 2]]
    assert chi_squared(sides, counts)[0] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)


def test_rare_characters_are_counted_together() -> None:
    texts = [chr(0x4E00 + number) * (300 - number) for number in range(250)]
    names, counts = character_counts(texts)
    assert len(names) == 201
    assert names[-1] == "others"
    assert counts[:, -1].sum() == sum(300 - number for number in range(200, 250))


def test_rows_and_not_letters_are_the_unit_of_a_test_of_characters() -> None:
    """Rows of one letter each, repeated: letters as units would be sure of a difference that rows show by chance."""
    reference, batch = ["a" * 50, "b" * 50] * 3, ["a" * 50] * 2
    found = compare_characters("x", reference, batch, permutations=4000, seed=1)
    assert stats.chi2.sf(found.value, df=1) < 1e-15
    # of C(8, 2) = 28 pairs of 5 a's and 3 b's, 10 are aa and 3 bb, and bb lies further from the mean: 13 / 28
    assert found.p == pytest.approx(13 / 28, abs=0.03)
    assert isinstance(found.shape, Bars)


def test_statistics_of_an_image_are_those_by_hand() -> None:
    image = np.zeros((1, 1, 4, 4))
    image[0, 0, 1, :] = 1.0  # a horizontal stroke in the second of four rows
    found = image_statistics(image)
    assert found["brightness"][0] == 0.25
    assert found["contrast"][0] == pytest.approx((0.25 * 0.75) ** 0.5)
    assert found["bright share"][0] == 0.25
    assert found["centre x"][0] == 0.5
    assert found["centre y"][0] == pytest.approx(1.5 / 4)
    assert found["aspect"][0] == 1.0  # all of its spread is along x
    assert found["slant"][0] == 0.0
    assert "red" not in found


def test_a_diagonal_is_all_slant_and_its_mirror_the_opposite() -> None:
    diagonal = np.eye(4)[None, None]
    assert image_statistics(diagonal)["slant"][0] == pytest.approx(1.0)
    assert image_statistics(diagonal[..., ::-1])["slant"][0] == pytest.approx(-1.0)
    assert image_statistics(diagonal)["aspect"][0] == pytest.approx(0.0)


def test_an_image_without_brightness_has_a_centre_and_no_direction() -> None:
    found = image_statistics(np.zeros((1, 3, 4, 4)))
    assert [found[name][0] for name in ("centre x", "centre y", "aspect", "slant", "red")] == [0.5, 0.5, 0, 0, 0]


def test_large_images_are_averaged_to_cells() -> None:
    images = np.zeros((2, 1, 4, 6))
    images[0, 0, :2, :3] = [[1, 0, 1], [1, 1, 0]]
    card = ImageCard(kind="images", source="x", channels=1, height=4, width=6, pixel_max=255, classes=("a", "b"))
    np.testing.assert_allclose(cell_means(images, grid=2), [[4 / 6, 0, 0, 0], [0, 0, 0, 0]])
    assert cell_names(card, grid=2) == ["cell 1, 1", "cell 1, 2", "cell 2, 1", "cell 2, 2"]
    colours = card.model_copy(update={"channels": 3, "width": 4})
    names = cell_names(colours, grid=16)
    assert (len(names), names[0], names[-1]) == (48, "pixel 1, 1, red", "pixel 4, 4, blue")
    pixels = np.random.default_rng(1).random((2, 3, 4, 4))
    np.testing.assert_allclose(cell_means(pixels, grid=16), pixels.reshape(2, 48))
