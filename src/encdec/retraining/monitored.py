"""What `encdec monitor` found, read from the file that it wrote."""

import json
from pathlib import Path
from typing import NamedTuple, get_args

from encdec.monitoring.result import Verdict
from encdec.tracking.digests import dvc_digest

MAX_SENTENCE = 300
HOW = "give the JSON file that `encdec monitor` writes"


class Monitored(NamedTuple):
    """`sentence`: in the monitor's words. `digest`: of the batch that it looked at, None where it does not say."""

    verdict: Verdict
    sentence: str
    digest: str | None


def read_monitored(file: Path) -> Monitored:
    """
    Raises:
        ValueError: there is no such file, or it is not one of the monitor's.
    """
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"--monitor: {file}: no such file; {HOW}") from None
    except (ValueError, RecursionError, IsADirectoryError) as error:
        raise ValueError(f"--monitor: {file}: is no JSON ({str(error)[:MAX_SENTENCE]}); {HOW}") from error
    if not isinstance(found, dict):
        raise ValueError(f"--monitor: {file}: holds no object; {HOW}")
    verdict = next((each for each in get_args(Verdict) if each == found.get("verdict")), None)
    if verdict is None:
        known = ", ".join(get_args(Verdict))
        said = repr(found.get("verdict"))[:MAX_SENTENCE]
        raise ValueError(f"--monitor: {file}: `verdict` is {said}, expected one of {known}; {HOW}")
    sentence = found.get("sentence")
    if not isinstance(sentence, str) or not sentence.strip():
        raise ValueError(f"--monitor: {file}: has no `sentence`; {HOW}")
    batch = found.get("batch")
    digest = batch.get("digest") if isinstance(batch, dict) else None
    short = " ".join(sentence.split()).rstrip(".")[:MAX_SENTENCE]
    return Monitored(verdict, short, digest if isinstance(digest, str) else None)


def check_same_batch(monitored: Monitored, batch: Path) -> None:
    """Raises ValueError where the monitor looked at other data than the batch.

    Args:
        batch: the folder or the table, unpacked.
    """
    if monitored.digest is None:
        return
    found = dvc_digest(batch)
    if found != monitored.digest:
        raise ValueError(
            f"--monitor: the file is of another batch than --batch: the monitor looked at {monitored.digest}, this is "
            f"{found}; run `encdec monitor` on this one, or give the other"
        )
