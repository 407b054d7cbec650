"""Bring the bytes of an HTTP address into a file, again and again until they are there. Nothing is verified here."""

from pathlib import Path
from time import sleep

import requests
from urllib3.exceptions import HTTPError

from encdec.sources.progress import progress_bar

TRIES = 4
FIRST_WAIT_S = 0.5  # doubled after each try
TIMEOUT_S = (10.0, 60.0)  # to connect, and between two blocks
PASSING_TROUBLE = frozenset({408, 425, 429, 500, 502, 503, 504})
BLOCK_BYTES = 1 << 18


class TransferError(ValueError):
    """The bytes could not be had; the message says what happened last."""


class BrokenTransferError(Exception):
    """A try that failed, but another one may succeed."""


def transfer(url: str, part: Path, *, label: str) -> None:
    """Append to `part` what it lacks, or fill it anew where the server cannot resume. What came stays, also on failure.

    Raises:
        TransferError: the server refused, or every try broke off.
    """
    last = ""
    for attempt in range(TRIES):
        if attempt:
            sleep(FIRST_WAIT_S * 2 ** (attempt - 1))
        try:
            return receive(url, part, label=label)
        except (BrokenTransferError, requests.ConnectionError, requests.Timeout, HTTPError) as error:
            last = str(error)
        except requests.RequestException as error:
            raise TransferError(str(error)) from error
    raise TransferError(f"{last} (after {TRIES} tries)")


def receive(url: str, part: Path, *, label: str) -> None:
    have = part.stat().st_size if part.exists() else 0
    # A transparently compressed answer could not be resumed by byte ranges.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if not resumes(response, part, have=have):
            part.unlink(missing_ok=True)
            have = 0
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else None
        with part.open("ab") as file, progress_bar(label, done=have, total=total) as advance:
            # Raises when fewer bytes come than the server announced.
            for block in response.raw.stream(BLOCK_BYTES, decode_content=False):
                file.write(block)
                advance(len(block))


def resumes(response: requests.Response, part: Path, *, have: int) -> bool:
    """Whether the answer starts with byte `have`, and not with the first one.

    Raises:
        BrokenTransferError: the server has passing trouble, or cannot resume; then `part` is removed.
        TransferError: the server refuses.
    """
    status = f"answered {response.status_code} {response.reason}"
    content_range = response.headers.get("Content-Range", "")
    match response.status_code:
        case 200:
            return False
        case 206 if content_range.startswith(f"bytes {have}-"):
            return True
        case 206 | 416:
            part.unlink(missing_ok=True)
            raise BrokenTransferError(f"{status} ({content_range}) to a request for the bytes from {have} on")
        case code if code in PASSING_TROUBLE:
            raise BrokenTransferError(status)
        case _:
            raise TransferError(status)
