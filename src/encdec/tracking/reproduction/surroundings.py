"""What around a run is not as it was then: packages and the machine."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from encdec.tracking.machine import machine
from encdec.tracking.store import Store
from encdec.tracking.versions import installed_versions, normal, read_lock

MACHINE = {"machine.cpu": "processor", "machine.system": "system", "machine.python": "Python"}
INSTALLED = "versions/installed.txt"
ABSENT = "nothing"


def changed_surroundings(store: Store, run_id: str, tags: Mapping[str, str], lock: Path) -> list[str]:
    """Sentences on what differs: of the packages of the lock where the run has their list, else of the main ones.

    Args:
        tags: of the run.
        lock: the lock as it was at the commit of the run.
    """
    found = []
    now = {normal(name): version for name, version in installed_versions().items()}
    for name, version in versions_then(store, run_id, tags, lock).items():
        installed = now.get(normal(name), ABSENT)
        if installed != version:
            found.append(f"{name} was {version}, is {installed}")
    here = machine()
    found += [
        f"the {word} was {tags[key]}, is {here[key]}"
        for key, word in MACHINE.items()
        if tags.get(key, here[key]) != here[key]
    ]
    return found


def versions_then(store: Store, run_id: str, tags: Mapping[str, str], lock: Path) -> dict[str, str]:
    main = {key.removeprefix("version."): value for key, value in tags.items() if key.startswith("version.")}
    main.pop("encdec", None)  # its code is that of the commit
    if not lock.is_file() or not any(
        file.path == INSTALLED for file in store.client.list_artifacts(run_id, "versions")
    ):
        return main
    with TemporaryDirectory() as temporary:
        file = Path(store.client.download_artifacts(run_id, INSTALLED, temporary))
        pairs = [line.partition("==") for line in file.read_text(encoding="utf-8").splitlines()]
    locked = {normal(name) for name in read_lock(lock)}
    return main | {name: version for name, _, version in pairs if normal(name) in locked}
