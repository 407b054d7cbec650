"""From a named source to `data/01_raw/<kind>`: the source's files, the manifest and `source.json`."""

from pathlib import Path

from encdec.params.data import Images, Pairs


def ingest_images(images: Images, *, user_dir: Path, out: Path) -> None:
    """Write the whole of the selected source into an existing, empty folder.

    Args:
        user_dir: the user's own images, read by the source `folder` alone.

    Raises:
        ValueError: the source cannot be had or is not what it should be; the message says what to do.
    """
    match images.source:
        case "digits":
            from encdec.sources.digits import ingest_digits

            ingest_digits(images.sources.digits, out=out)
        case "mnist":
            from encdec.sources.mnist import MNIST, ingest_mnist

            ingest_mnist(images.sources.mnist, source=MNIST, out=out)
        case "fashion-mnist":
            from encdec.sources.mnist import FASHION_MNIST, ingest_mnist

            ingest_mnist(images.sources.fashion_mnist, source=FASHION_MNIST, out=out)
        case "kmnist":
            from encdec.sources.mnist import KMNIST, ingest_mnist

            ingest_mnist(images.sources.kmnist, source=KMNIST, out=out)
        case "folder":
            from encdec.sources.folder import ingest_folder

            ingest_folder(images.sources.folder, user_dir=user_dir, out=out)


def ingest_pairs(pairs: Pairs, *, user_dir: Path, out: Path) -> None:
    """Write the whole of the selected source into an existing, empty folder.

    Args:
        user_dir: the user's own text pairs, read by the source `table` alone.

    Raises:
        ValueError: the source cannot be had or is not what it should be; the message says what to do.
    """
    match pairs.source:
        case "dates":
            from encdec.sources.dates import ingest_dates

            ingest_dates(pairs.sources.dates, out=out)
        case "cmudict":
            from encdec.sources.cmudict import ingest_cmudict

            ingest_cmudict(pairs.sources.cmudict, out=out)
        case "multi30k":
            from encdec.sources.multi30k import ingest_multi30k

            ingest_multi30k(pairs.sources.multi30k, out=out)
        case "table":
            from encdec.sources.table import ingest_table

            ingest_table(pairs.sources.table, user_dir=user_dir, out=out)
