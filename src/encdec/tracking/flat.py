"""Nested values as the flat texts that MLflow keeps, within its limits."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping

MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 5000
FORBIDDEN = re.compile(r"[^\w.\- /:]")
HASH_CHARACTERS = 8


def flattened(section: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """{"a": {"b": 1}} as {"a.b": 1}; lists stay whole, an empty section leaves nothing."""
    return dict(leaves(section, prefix))


def leaves(section: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in section.items():
        at = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from leaves(value, at)
        else:
            yield at, value


def shown(value: object) -> str:
    """A value as params.yaml would have it: true, null, 0.001, [1, 2]; text as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def safe_key(key: str) -> str:
    """A name that MLflow takes: other characters become _, and a long one ends in a digest of the whole."""
    clean = FORBIDDEN.sub("_", key)
    if len(clean) <= MAX_KEY:
        return clean
    digest = hashlib.sha256(key.encode()).hexdigest()[:HASH_CHARACTERS]
    return f"{clean[: MAX_KEY - HASH_CHARACTERS - 1]}_{digest}"


def cut(text: str, limit: int) -> str:
    """At most so many characters, and none that is only half of one: the name of a file may be no UTF-8."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return whole if len(whole) <= limit else f"{whole[: limit - 3]}..."
