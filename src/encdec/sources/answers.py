"""What an HTTP answer means for a file of which a part may have come before."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from encdec.sources.partial import Origin, Part
from encdec.sources.stream import Answer, BrokenError, RefusedError

PASSING_TROUBLE = frozenset({408, 425, 429, 500, 502, 503, 504})
CONTENT_RANGE = re.compile(r"bytes (?P<first>\d{1,18})-\d{1,18}/(?P<total>\d{1,18}|\*)", re.ASCII)
NUMBER = re.compile(r"\d{1,18}", re.ASCII)


def continues(answer: Answer, origin: Origin, part: Part) -> bool:
    """Whether the body is what `part` lacks of the same version of the file.

    Raises:
        BrokenError: it is the rest of something else, or there is no rest; then `part` is dropped.
    """
    if answer.code not in (206, 416):
        return False
    content_range = answer.headers.get("Content-Range", "")
    found = CONTENT_RANGE.fullmatch(content_range)
    if answer.code == 206 and found and int(found["first"]) == part.length:
        # A server that does not know If-Range sends the rest of a new version, too.
        same_version = validator(answer) in ("", origin.validator)
        if same_version and (origin.total is None or found["total"] in ("*", str(origin.total))):
            return True
    wanted = f"the bytes from {part.length} on of version {origin.validator}"
    part.drop()
    raise BrokenError(f"answered {answer.status} ({content_range}) to a request for {wanted}")


def begin(answer: Answer, url: str, part: Part, *, max_bytes: int) -> Origin:
    """Make an empty `part` for the body of the answer, which is the whole file.

    Raises:
        BrokenError: the server has passing trouble; what had come before stays.
        RefusedError: the server refuses, or announces more than the file can have.
    """
    if answer.code in PASSING_TROUBLE:
        raise BrokenError(f"answered {answer.status}", retry_after_s=retry_after_s(answer))
    if answer.code != 200:
        raise RefusedError(f"answered {answer.status}")
    length = answer.headers.get("Content-Length", "")
    total = int(length) if NUMBER.fullmatch(length) else None
    if total is not None and total > max_bytes:
        raise RefusedError(f"announces {total} bytes, more than the {max_bytes} that it can have")
    origin = Origin(url, validator(answer), total)
    part.begin(origin)
    return origin


def validator(answer: Answer) -> str:
    """The name of the version that was sent, or nothing. A weak ETag says nothing about bytes."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def retry_after_s(answer: Answer) -> float:
    """How long the server asks to wait, in seconds or as a date; 0 where it asks for nothing that can be read."""
    text = answer.headers.get("Retry-After", "")
    if NUMBER.fullmatch(text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max((when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
