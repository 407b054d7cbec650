"""What is worked out once, when the page is opened: which images are usual, where they lie, what a filter needs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encdec.evaluation.principal_components import PrincipalComponents
from encdec.playground.anomaly import usual_errors
from encdec.playground.denoise import fit_filter
from encdec.playground.latent_map import DrawnMap, LatentMap, draw_map, drawn
from encdec.playground.opening import Images, Opened
from encdec.playground.vae_walk import Unit, most_used

SHADES_READ = 500
MOST_EXAMPLES = 20
MOST_UNITS = 8


class Known(NamedTuple):
    """`bright_ink`: whether the known images are bright on dark. The rest is None or empty where a model is missing."""

    bright_ink: bool
    usual: NDArray[np.float64] | None
    places: LatentMap | None
    drawn_map: DrawnMap | None
    units: tuple[Unit, ...]
    components: PrincipalComponents | None
    examples: tuple[int, ...]


def get_to_know(opened: Opened, *, seed: int) -> Known:
    """Seconds at most: of large data a part is read."""
    images, models = opened.images, opened.models
    if images is None:
        return Known(True, None, None, None, (), None, ())
    autoencoder, vae = models.get("autoencoder"), models.get("vae")
    places = draw_map(autoencoder, images.train) if autoencoder else None
    return Known(
        has_bright_ink(images),
        usual_errors(autoencoder, images.val) if autoencoder else None,
        places,
        drawn(places) if places else None,
        most_used(vae, images.val, most=MOST_UNITS) if vae else (),
        fit_filter(images.train, seed=seed) if "denoising_autoencoder" in models else None,
        one_of_each_class(images),
    )


def has_bright_ink(images: Images) -> bool:
    """Whether the rims of the images, which are mostly background, are dark."""
    some = np.asarray(images.train.images[:SHADES_READ]) / images.train.card.pixel_max
    rims = np.concatenate([part.ravel() for part in (some[:, :, 0], some[:, :, -1], some[..., 0], some[..., -1])])
    return bool(np.median(rims) < 0.5)


def one_of_each_class(images: Images) -> tuple[int, ...]:
    """Rows of test: the first of each class, for the classes that there are."""
    labels, first = np.unique(np.asarray(images.test.labels), return_index=True)
    return tuple(int(row) for _, row in sorted(zip(labels.tolist(), first.tolist(), strict=True)))[:MOST_EXAMPLES]
