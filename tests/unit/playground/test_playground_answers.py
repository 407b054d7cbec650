"""What the page says of images, against the networks themselves and numbers by hand."""

import numpy as np
import pytest
import torch

from encdec.models.build import fitting
from encdec.models.vae.network import VariationalAutoencoder
from encdec.params.corruption import GaussianNoise, Masking, SaltAndPepper
from encdec.playground.anomaly import anomaly_of, usual_errors
from encdec.playground.answers import classify, codes_of, pixels_of, rebuild, spread, squared_errors
from encdec.playground.denoise import noise_of, restored, strength_of
from encdec.playground.known import Known, has_bright_ink
from encdec.playground.latent_map import nearest_classes, place_of
from encdec.playground.opening import Images, Opened
from encdec.playground.vae_walk import SILENT, centre_of, code_of, decode, drawn_from_prior, most_used, moved


@pytest.fixture
def images(opened: Opened) -> Images:
    assert opened.images is not None
    return opened.images


@pytest.fixture
def digit(images: Images) -> np.ndarray:
    return images.test.batch(np.array([0])).images[0].numpy()


def test_probabilities_are_those_of_the_network_and_the_greatest_comes_first(
    opened: Opened, images: Images, digit: np.ndarray
) -> None:
    cnn = opened.models["cnn"]
    found = classify(cnn, digit, images.test.card.classes)
    with torch.inference_mode():
        expected = cnn.network(torch.from_numpy(digit[None])).softmax(dim=1)[0]
    assert sum(each.probability for each in found) == pytest.approx(1.0, abs=1e-5)
    assert [each.probability for each in found] == sorted((float(p) for p in expected), reverse=True)
    assert found[0].name == images.test.card.classes[int(expected.argmax())]


def test_the_squared_error_is_the_mean_over_the_pixels() -> None:
    pixels, rebuilt = np.zeros((2, 1, 2, 2), dtype=np.float32), np.zeros((2, 1, 2, 2), dtype=np.float32)
    rebuilt[1, 0, 0] = [0.5, 1.0]  # (0.25 + 1) / 4
    np.testing.assert_allclose(squared_errors(pixels, rebuilt), [0.0, 0.3125])


def test_an_error_is_placed_among_the_usual_ones() -> None:
    usual = np.array([0.1, 0.2, 0.3, 0.4])
    zeros = np.zeros((1, 1, 1), dtype=np.float32)
    found = anomaly_of(zeros, np.full((1, 1, 1), 0.5, dtype=np.float32), usual)  # 0.25
    assert (found.error, found.below, found.compared, found.quantile) == (0.25, 2, 4, 0.5)
    assert anomaly_of(zeros, zeros, usual).quantile == 0.0


def test_noise_is_more_unusual_than_every_digit_that_looks_like_the_known_ones(opened: Opened, images: Images) -> None:
    autoencoder = opened.models["autoencoder"]
    usual = usual_errors(autoencoder, images.val)
    assert (np.diff(usual) >= 0).all()
    assert len(usual) == len(images.val)
    noise = np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32)
    rebuilt = rebuild(autoencoder, noise)
    quantiles = [anomaly_of(*pair, usual).quantile for pair in zip(noise, rebuilt, strict=True)]
    assert min(quantiles) == 1.0
    known = images.test.batch(np.arange(len(images.test))).images.numpy()
    found = [anomaly_of(*pair, usual).quantile for pair in zip(known, rebuild(autoencoder, known), strict=True)]
    # val and test are one population: the quantiles are uniform, with mean 0.5. Both splits have some 250 images, so
    # the mean's standard error is sqrt(1/12 (1/250 + 1/250)) = 0.026, and 4 of them are 0.1
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_a_known_image_lies_on_the_map_where_its_code_does(opened: Opened, known: Known, images: Images) -> None:
    assert known.places is not None
    assert known.drawn_map is not None
    autoencoder, places = opened.models["autoencoder"], known.places
    from encdec.figures.scatter import principal_plane

    expected = principal_plane(places.codes).points
    for row in (0, 17):
        pixels = images.train.batch(spread(images.train, 2000)[[row]]).images[0].numpy()
        found = place_of(autoencoder, places, pixels)
        assert found == pytest.approx(tuple(expected[row]), abs=1e-4)
        left, top, inside = known.drawn_map.share_of(found)
        assert inside
        assert 0 < left < 1
        assert 0 < top < 1
    names = [name for name, _ in nearest_classes(places, tuple(expected[0]), count=1)]
    assert names == [places.classes[int(places.labels[0])]]


def test_the_mark_lies_where_the_axes_say(known: Known) -> None:
    drawn = known.drawn_map
    assert drawn is not None
    assert drawn.share_of((drawn.x[0], drawn.y[0])) == pytest.approx((drawn.left, drawn.bottom, True))
    assert drawn.share_of((drawn.x[1], drawn.y[1])) == pytest.approx((drawn.right, drawn.top, True))
    far = (drawn.x[1] + 100, drawn.y[0])
    assert drawn.share_of(far) == pytest.approx((drawn.right, drawn.bottom, False))
    assert 0 < drawn.left < drawn.right <= 1
    assert 0 <= drawn.top < drawn.bottom < 1


def test_the_units_with_sliders_are_those_that_carry_most(opened: Opened, images: Images) -> None:
    vae = opened.models["vae"]
    units = most_used(vae, images.val, most=4)
    network = fitting("vae", vae.network, VariationalAutoencoder)
    with torch.inference_mode():
        mu, log_var = network.encode(images.val.batch(np.arange(len(images.val))).images)
    normal = torch.distributions.Normal(mu, (0.5 * log_var).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean(dim=0)
    order = expected.argsort(descending=True)[:4].tolist()
    assert [unit.number for unit in units] == [each for each in order if expected[each] >= SILENT]
    for unit in units:
        assert unit.nats == pytest.approx(float(expected[unit.number]), rel=1e-4)
        assert unit.reach >= float(mu[:, unit.number].abs().max())


def test_a_walk_changes_one_unit_and_the_picture(opened: Opened, known: Known, digit: np.ndarray) -> None:
    vae = opened.models["vae"]
    code = code_of(vae, digit)
    unit = known.units[0].number
    other = moved(code, [unit], [3.0])
    assert other[unit] == 3.0
    np.testing.assert_array_equal(np.delete(other, unit), np.delete(code, unit))
    assert code_of(vae, digit)[unit] == code[unit]  # the start is left as it was
    np.testing.assert_array_equal(decode(vae, code), rebuild(vae, digit[None])[0])
    assert np.abs(decode(vae, other) - decode(vae, code)).max() > 0.1
    assert (centre_of(vae) == 0).all()
    assert drawn_from_prior(vae, np.random.default_rng(0)).shape == code.shape


def test_noise_is_taken_off_by_the_model_and_by_the_filter(opened: Opened, known: Known, images: Images) -> None:
    model = opened.models["denoising_autoencoder"]
    clean = images.test.batch(np.arange(40)).images.numpy()
    noise = GaussianNoise(kind="gaussian", noise_std=0.3)
    errors = [restored(model, each, noise, components=known.components, seed=1).errors(each) for each in clean]
    noisy, denoised, filtered = (np.mean([each[name] for each in errors]) for name in ("noisy", "denoised", "filtered"))
    # 40 images of 64 pixels: 0.3 ** 2 = 0.09, and its standard error 0.09 sqrt(2 / 64) since all have one seed
    assert noisy == pytest.approx(0.09, abs=4 * 0.09 * np.sqrt(2 / 64))
    assert denoised < filtered < noisy


def test_without_known_images_there_is_no_filter(opened: Opened, digit: np.ndarray) -> None:
    found = restored(opened.models["denoising_autoencoder"], digit, noise_of("masking", 0.5), components=None, seed=1)
    assert found.filtered is None
    assert set(found.errors(digit)) == {"noisy", "denoised"}
    zero = found.noisy == 0
    np.testing.assert_array_equal(found.noisy[~zero], digit[~zero])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("gaussian", GaussianNoise(kind="gaussian", noise_std=0.25)),
        ("masking", Masking(kind="masking", mask_prob=0.25)),
        ("salt_and_pepper", SaltAndPepper(kind="salt_and_pepper", flip_prob=0.25)),
    ],
)
def test_a_strength_is_the_parameter_of_its_noise(kind: str, expected: GaussianNoise | Masking | SaltAndPepper) -> None:
    assert noise_of(kind, 0.25) == expected  # type: ignore[arg-type]  # the names of the parametrisation
    assert strength_of(expected) == 0.25


def test_codes_are_those_of_the_networks(opened: Opened, digit: np.ndarray) -> None:
    autoencoder = opened.models["autoencoder"]
    with torch.inference_mode():
        expected = autoencoder.network(torch.from_numpy(digit[None])).z.numpy()
    np.testing.assert_array_equal(codes_of(autoencoder, digit[None]), expected)
    with pytest.raises(ValueError, match="model cnn has no code"):
        codes_of(opened.models["cnn"], digit[None])


def test_digits_are_bright_on_dark(images: Images) -> None:
    assert has_bright_ink(images)


def test_stored_pixels_are_scaled_by_the_card(images: Images) -> None:
    stored = np.array([[[[0, 8, 16]]]], dtype=np.uint8)
    np.testing.assert_array_equal(pixels_of(stored, images.test.card)[0, 0, 0], [0.0, 0.5, 1.0])
