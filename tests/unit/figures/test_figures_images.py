"""Images in figures: every pixel where it belongs, and rows chosen by rule."""

import numpy as np
import pytest
from drawn import drawn, texts
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from encdec.figures.image_grid import Cell, Mosaic, Row, cards, cell_size, coloured, image_rows
from encdec.figures.picture import Words
from encdec.figures.reconstruction import Rival, denoised, errors, reconstructions, worst_reconstructions
from encdec.figures.scatter import LEAST_GAP, latent_scatter, principal_plane, pushed_apart, shown_classes, thinned
from encdec.figures.selection import largest, one_of_each, shown
from encdec.figures.style import DARK, LIGHT

WORDS = Words("name", "Title", "Caption.", "Alt.", "samples")
RNG = np.random.default_rng(0)


def mosaic_of(figure: Figure) -> np.ndarray:
    (image,) = figure.images
    return np.asarray(image.get_array())


def test_a_small_image_has_a_whole_number_of_css_pixels_to_its_pixel() -> None:
    assert cell_size((1, 1, 8, 8), target=None) == Cell(48, 48)
    assert cell_size((1, 1, 28, 28), target=None) == Cell(56, 56)
    assert cell_size((1, 3, 7, 10), target=50) == Cell(50, 35)
    assert cell_size((1, 3, 224, 112), target=None) == Cell(44, 88)


def test_a_pasted_image_is_never_blurred() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    mosaic = Mosaic.of(20, 20, LIGHT)
    mosaic.paste(image, 4, 6, Cell(6, 6))
    cell = mosaic.pixels[12:24, 8:20]
    np.testing.assert_array_equal(cell, np.repeat(np.repeat(image, 6, axis=0), 6, axis=1))
    assert mosaic.pixels[0, 0].tolist() == [255, 255, 255]


def test_pixels_keep_their_grey_and_signed_ones_their_direction() -> None:
    grey = coloured(np.array([[[0.0, 0.5], [1.0, 2.0]]]), "pixels", 0.0, DARK)
    assert grey[:, :, 0].tolist() == [[0, 128], [255, 255]]
    signed = coloured(np.array([[[-1.0, 0.0, 1.0]]]), "signed", 1.0, LIGHT).astype(int)
    low, middle, high = signed[0]
    assert low[2] > low[0] + 50, "too dark is blue"
    assert high[0] > high[2] + 50, "too bright is orange"
    assert (np.abs(middle - 255) <= 2).all()


def test_rows_of_images_stand_under_each_other_in_order() -> None:
    images = RNG.uniform(size=(3, 1, 8, 8))
    figure = drawn(image_rows([Row("first", images), Row("second", 1 - images)], words=WORDS, above=["a", "b", "c"]))
    pixels = mosaic_of(figure)
    assert {"first", "second", "a", "b", "c"} <= set(texts(figure))
    # the second image of the second row: found by its grey values at the middle of each of its pixels
    expected = np.round(255 * (1 - images[1, 0])).astype(int)
    found = pixels[:, :, 0].astype(int)
    corners = [
        (y, x)
        for y in range(0, found.shape[0] - 96)
        for x in range(0, found.shape[1] - 96)
        if (found[y + 6 : y + 96 : 12, x + 6 : x + 96 : 12] == expected).all()
    ]
    assert corners, "the image is drawn"
    assert min(x for _, x in corners) > 100, "beside the labels"


def test_marked_cards_are_crossed_out() -> None:
    images = RNG.normal(size=(5, 1, 8, 8))
    figure = drawn(
        cards(images, words=WORDS, columns=3, kind="signed", marked=np.array([False, True, False, False, True]))
    )
    assert len([artist for artist in figure.get_children() if type(artist).__name__ == "Line2D"]) == 2


def test_errors_are_means_of_squares_and_stand_beneath_their_column() -> None:
    inputs, rebuilt = np.zeros((2, 1, 2, 2)), np.full((2, 1, 2, 2), 0.5)
    rebuilt[1] = 0.1
    np.testing.assert_allclose(errors(rebuilt, inputs), [0.25, 0.01])
    assert {"0.2500", "0.0100"} <= set(texts(drawn(reconstructions(inputs, rebuilt, rival=None))))


def test_a_model_that_loses_to_a_line_is_seen_losing() -> None:
    inputs = RNG.uniform(size=(4, 1, 8, 8))
    exact = Rival("PCA,\n2 components", lambda images: images)
    picture = reconstructions(inputs, inputs + 0.1, rival=exact)
    assert "The model is closer to the image than PCA, 2 components on 0 of these 4." in picture.words.caption
    assert {"PCA,\n2 components", "its error"} <= set(texts(drawn(picture)))
    assert "PCA" not in reconstructions(inputs, inputs, rival=None).words.caption


def test_the_rival_of_a_denoiser_is_given_the_noisy_image() -> None:
    clean, noisy = np.full((1, 1, 8, 8), 0.2), np.full((1, 1, 8, 8), 0.6)
    seen = []
    rival = Rival("Wiener filter", lambda images: seen.append(images) or images - 0.4)
    picture = denoised(clean, noisy, noisy, rival=rival, noise="noise")
    drawn(picture)
    assert all((images == noisy).all() for images in seen)
    assert "closer to the image than Wiener filter on 0 of these 1" in picture.words.caption


def test_colour_images_and_strange_class_names_are_drawn() -> None:
    images = RNG.uniform(size=(3, 3, 40, 30))
    picture = worst_reconstructions(images, images * 0.5, classes=["$x$", "kočka 猫", "\u0e01"], mean=0.1, rival=None)
    assert {"$x$", "kočka 猫", "[U+0E01]"} <= set(texts(drawn(picture)))


def test_one_of_each_class_comes_first() -> None:
    labels = np.array([2, 2, 0, 1, 0, 2])
    assert one_of_each(labels, count=5).tolist() == [2, 3, 0, 4, 1]
    assert one_of_each(labels, count=99).tolist() == [2, 3, 0, 4, 1, 5]


def test_the_largest_come_first_and_of_equal_ones_the_earlier() -> None:
    assert largest(np.array([1.0, 3.0, 3.0, 2.0]), count=3).tolist() == [1, 2, 3]
    assert (shown(28), shown(224)) == (10, 6)


def test_the_plane_is_that_of_the_principal_components() -> None:
    code = RNG.normal(size=(50, 6)) * [5, 3, 1, 1, 0.5, 0.1]
    plane, reference = principal_plane(code), PCA(2).fit(code)
    np.testing.assert_allclose(np.abs(plane.points), np.abs(reference.transform(code)), atol=1e-9)
    np.testing.assert_allclose(plane.shares, reference.explained_variance_ratio_, atol=1e-12)
    np.testing.assert_allclose(principal_plane(-code).points, -plane.points, atol=1e-9)


def test_a_code_of_one_unit_or_one_row_is_drawn_too() -> None:
    line = principal_plane(np.array([[1.0], [3.0]]))
    assert sorted(line.points[:, 0].tolist()) == [-1.0, 1.0]
    assert line.shares == (1.0, 0.0)
    for code in (np.array([[1.0], [3.0]]), np.ones((1, 4)), np.zeros((3, 2))):
        drawn(latent_scatter(code, np.arange(len(code)), classes=["a", "b", "c"]))


def test_names_that_lie_on_each_other_are_moved_apart() -> None:
    points = np.array([[0.0, 0.0], [10.0, 10.0]])
    moved = pushed_apart(np.array([[5.0, 5.0], [5.0, 5.0], [9.0, 1.0]]), points) / 10
    assert np.linalg.norm(moved[0] - moved[1]) == pytest.approx(LEAST_GAP, rel=0.05)
    assert moved[2].tolist() == [0.9, 0.1], "a name with room stays"


def test_many_rows_and_classes_are_thinned() -> None:
    assert thinned(3).tolist() == [0, 1, 2]
    assert len(thinned(100_000)) == 2000
    labels = np.concatenate([np.repeat(np.arange(30), 2), [29, 29]])
    assert shown_classes(labels) == [*range(19), 29]
