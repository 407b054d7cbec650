"""A model by its folder or its address, as a folder on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from encdec.models.storage import SPEC_FILE

ADDRESSES = ("models:/", "runs:/")


@contextmanager
def local_model(model: str) -> Iterator[Path]:
    """The folder of a trained model; one that is fetched from the store is verified, and removed afterwards.

    Raises:
        ChangedModelError: a file is not what was logged.
        ValueError: there is no such model.
    """
    if not is_address(model):
        yield folder_of(model)
        return
    from encdec.tracking.here import open_store_here
    from encdec.tracking.registry import fetch_model

    with TemporaryDirectory(prefix="encdec-model-") as temporary:
        yield fetch_model(open_store_here(), model, to=Path(temporary, "model"))


def is_address(model: str) -> bool:
    return model.startswith(ADDRESSES)


def folder_of(model: str) -> Path:
    """
    Raises:
        ValueError: there is no trained model.
    """
    folder = Path(model)
    if not (folder / SPEC_FILE).is_file():
        raise ValueError(
            f"{model}: is neither a folder with a trained model (such as data/05_models/cnn) nor an address: write "
            "models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or runs:/ID"
        )
    return folder
