"""Binary pixels that know nothing of each other: the least that a Bernoulli VAE has to beat."""

import numpy as np
from numpy.typing import NDArray


def independent_nll(train: NDArray[np.bool_], test: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Negative log-likelihood in nats of each row of test (N,), summed over its D pixels.

    Each pixel's chance of being on is that of train's rows (rows, D), with one row more on and one more off (Laplace),
    so that a pixel that train never has on costs log(rows + 2), not infinity.
    """
    on = (train.sum(axis=0) + 1) / (len(train) + 2)  # (D,)
    return np.asarray(-np.where(test, np.log(on), np.log1p(-on)).sum(axis=1), dtype=np.float64)
