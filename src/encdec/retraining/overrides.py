"""`--set KEY=VALUE`: values for params.yaml, which stays as it is but for them."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from encdec.params.problems import nearest


def with_values(file: Path, given: Sequence[str]) -> str:
    """The text of a params.yaml with other values; comments and the form of everything else stay.

    Args:
        given: `models.vae.beta=2.0`; a value is YAML, as in the file.

    Raises:
        ValueError: one is not KEY=VALUE, or there is no such key.
    """
    yaml = YAML()
    yaml.preserve_quotes = True
    document = yaml.load(file)
    for each in given:
        key, equals, text = each.partition("=")
        if not equals or not key:
            raise ValueError(f"--set {each}: expected KEY=VALUE, e.g. models.vae.beta=2.0")
        *path, last = key.split(".")
        section = document
        for part in path:
            section = step(each, section, part)
        step(each, section, last)
        try:
            section[last] = YAML(typ="safe").load(io.StringIO(text))
        except YAMLError as error:
            raise ValueError(f"--set {each}: the value is no YAML: {error}") from error
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def step(given: str, section: Any, part: str) -> Any:
    if not isinstance(section, Mapping) or part not in section:
        known = [str(key) for key in section] if isinstance(section, Mapping) else []
        raise ValueError(f"--set {given}: there is no key {part!r}{nearest(part, known)}")
    return section[part]
