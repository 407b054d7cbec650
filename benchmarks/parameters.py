"""The one place that knows params.yaml: copies of it with other values at dotted keys, checked like the file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.places import PROJECT, ROOT
from encdec.params.loading import Loaded, load_params
from encdec.params.root import ModelName, ModelSpec
from encdec.params.search import is_search

Value = str | int | float | bool | list[int] | dict[str, Any]
Overrides = Mapping[str, Value]

STRICT: Overrides = {"training.precision": "float32"}
"""Inside of a model's section: what turns the defaults into strict float32."""


def read_tree() -> dict[str, Any]:
    """params.yaml as plain values; a value that is searched is the first of its search."""
    tree: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    settle(tree["models"])
    return tree


def settle(node: dict[str, Any]) -> None:
    for key, child in node.items():
        if is_search(child):
            search = child["search"]
            node[key] = search["choices"][0] if "choices" in search else search["low"]
        elif isinstance(child, dict):
            settle(child)


def override(tree: dict[str, Any], overrides: Overrides) -> None:
    """Put the values at their dotted keys.

    Raises:
        KeyError: params.yaml has no such key.
    """
    for dotted, value in overrides.items():
        *parents, last = dotted.split(".")
        node = tree
        for key in parents:
            node = node[key]
        if last not in node:
            raise KeyError(f"params.yaml has no {dotted}: correct it where the benchmark sets it")
        node[last] = value


def write_params(path: Path, overrides: Overrides) -> Loaded:
    """A parameter file of the benchmarks' own project.

    Raises:
        KeyError: params.yaml does not have one of the keys.
        encdec.params.problems.ParamsError: the values do not fit each other.
    """
    tree = read_tree()
    override(tree, overrides)
    path.parent.mkdir(parents=True, exist_ok=True)
    YAML(typ="safe", pure=True).dump(tree, path)
    return load_params(path)


def case_params(case: str, model: ModelName, *, inside: Overrides, outside: Overrides) -> tuple[Loaded, ModelSpec]:
    """The parameters of a case: `inside` the model's section and `outside` of it, by dotted key."""
    values = {**outside, **{f"models.{model}.{key}": value for key, value in inside.items()}}
    loaded = write_params(PROJECT / "cases" / case / "params.yaml", values)
    return loaded, loaded.resolve(model, {})
