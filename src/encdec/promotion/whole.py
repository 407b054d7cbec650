"""Whether the files of a version are there, and are its own: what becomes champion is opened first."""

from pathlib import Path
from tempfile import TemporaryDirectory

from encdec.models.storage import load_model
from encdec.tracking.aliases import DIGEST_TAG, twins_of
from encdec.tracking.digests import dvc_digest
from encdec.tracking.registry import fetch_model
from encdec.tracking.store import Store


def problem_of(store: Store, address: str, *, digest: str | None) -> str | None:
    """Why the model at an address cannot be used; None: it is whole.

    Args:
        digest: that its folder must have, as dvc.lock has it; None: nobody noted one.

    Raises:
        TrackingUnavailable: its files cannot be reached now.
    """
    with TemporaryDirectory() as temporary:
        try:
            folder = fetch_model(store, address, to=Path(temporary, "model"))
            load_model(folder)
        except ValueError as error:
            return str(error)
        found = dvc_digest(folder)
    if digest is not None and found != digest:
        return f"{address}: its folder is {found}, and {digest} was registered"
    return None


def check_version(store: Store, name: str, version: int) -> None:
    """Raises ValueError unless a version can be the champion: its files are there, and are those registered."""
    digest = store.client.get_model_version(name, str(version)).tags.get(DIGEST_TAG)
    problem = problem_of(store, f"models:/{name}/{version}", digest=digest)
    if problem is not None:
        raise ValueError(f"{problem}. The champion is as it was")


def lost_versions(store: Store, name: str, *, model_id: str | None, digest: str) -> list[int]:
    """The versions of these weights that cannot be used any more."""
    return [
        number
        for number in twins_of(store, name, model_id=model_id, digest=digest)
        if problem_of(store, f"models:/{name}/{number}", digest=digest) is not None
    ]
