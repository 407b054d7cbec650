import pytest
import torch

from encdec.nn.corruption import corrupt
from encdec.params.corruption import Corruption, GaussianNoise, Masking, SaltAndPepper

GAUSSIAN = GaussianNoise(kind="gaussian", noise_std=0.3)
MASKING = Masking(kind="masking", mask_prob=0.2)
SALT_AND_PEPPER = SaltAndPepper(kind="salt_and_pepper", flip_prob=0.2)
GREY = torch.full((1000, 1, 10, 20), 0.5)  # 200,000 pixels
every_corruption = pytest.mark.parametrize(
    "corruption", [GAUSSIAN, MASKING, SALT_AND_PEPPER], ids=lambda corruption: corruption.kind
)


def corrupted(corruption: Corruption, *, seed: int = 0) -> torch.Tensor:
    return corrupt(GREY, corruption, generator=torch.Generator().manual_seed(seed))


def test_gaussian_noise_has_the_given_deviation_and_is_not_clipped() -> None:
    noise = corrupted(GAUSSIAN) - GREY
    # standard errors: 0.3 / sqrt(200,000) = 0.0007 of the mean, 0.0005 of the deviation
    assert abs(float(noise.mean())) < 0.004
    assert abs(float(noise.std()) - 0.3) < 0.003
    # P(0.5 + 0.3 n > 1) = P(n > 5/3) = 0.0478, standard error 0.0005
    assert abs(float((corrupted(GAUSSIAN) > 1).double().mean()) - 0.0478) < 0.003
    assert abs(float((corrupted(GAUSSIAN) < 0).double().mean()) - 0.0478) < 0.003


def test_masking_sets_the_given_share_to_zero_and_leaves_the_rest() -> None:
    images = corrupted(MASKING)
    assert sorted(images.unique().tolist()) == [0.0, 0.5]
    # standard error sqrt(0.2 * 0.8 / 200,000) = 0.0009
    assert abs(float((images == 0).double().mean()) - 0.2) < 0.005


def test_salt_and_pepper_sets_half_the_given_share_to_one_and_half_to_zero() -> None:
    images = corrupted(SALT_AND_PEPPER)
    assert sorted(images.unique().tolist()) == [0.0, 0.5, 1.0]
    # standard error sqrt(0.1 * 0.9 / 200,000) = 0.0007
    assert abs(float((images == 0).double().mean()) - 0.1) < 0.004
    assert abs(float((images == 1).double().mean()) - 0.1) < 0.004


@every_corruption
def test_each_pixel_is_corrupted_by_itself(corruption: Corruption) -> None:
    noise = (corrupted(corruption) - GREY).flatten(1)
    left, right = noise[:, :-1].flatten(), noise[:, 1:].flatten()
    # the correlation of 199,000 independent pairs has standard deviation 0.0022
    assert abs(float(torch.corrcoef(torch.stack([left, right]))[0, 1])) < 0.011


@every_corruption
def test_the_seed_decides_and_the_input_stays_as_it_is(corruption: Corruption) -> None:
    before = GREY.clone()
    assert torch.equal(corrupted(corruption, seed=1), corrupted(corruption, seed=1))
    assert not torch.equal(corrupted(corruption, seed=1), corrupted(corruption, seed=2))
    assert torch.equal(GREY, before)


@every_corruption
def test_without_a_generator_the_global_one_is_used_and_with_one_it_is_not(corruption: Corruption) -> None:
    torch.manual_seed(3)
    first = corrupt(GREY, corruption, generator=None)
    torch.manual_seed(3)
    corrupted(corruption)
    assert torch.equal(corrupt(GREY, corruption, generator=None), first)
