"""Read params.yaml: everything that is wrong with it is reported at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from encdec.params.combinations import ImageInputs, impossible, meaningless
from encdec.params.data import ImageSources
from encdec.params.problems import ParamsError, Problem, as_mapping, dotted, nearest, shown, validate
from encdec.params.root import MODEL_NAMES, SPEC_TYPES, ModelName, Models, ModelSpec, Params, Space, Values
from encdec.params.search import Choices, Range, Search, corners, find_searches, substitute
from encdec.params.search import Path as KeyPath
from encdec.params.yaml_file import read_yaml

UNSEARCHABLE = {
    "enabled": "it decides whether there is a search",
    "tuning": "it is the budget of the search",
    "corruption": "it is the task, and trials of different tasks cannot be compared",
    "likelihood": "it is the scale of the score, and trials on different scales cannot be compared",
    "decoding": "the score of a trial does not depend on it",
}


class Loaded(NamedTuple):
    """The checked file: `params`, and for each model its section as written and its search space."""

    params: Params
    sections: Mapping[ModelName, Mapping[str, Any]]
    spaces: Mapping[ModelName, Mapping[KeyPath, Search]]
    file: str

    def space(self, name: ModelName) -> Space:
        """What is searched for a model, by dotted path inside its section."""
        return {dotted(path): search for path, search in self.spaces[name].items()}

    def resolve(self, name: ModelName, values: Values) -> ModelSpec:
        """The model's spec with a value for each searched key.

        Raises:
            ParamsError: a searched key has no value, a value has no searched key, or the values are impossible.
        """
        paths = {dotted(path): path for path in self.spaces[name]}
        at = f"models.{name}"
        problems = [
            Problem(f"{at}.{key}", "is searched, but no tuned value was given: run the tune stage")
            for key in paths.keys() - values.keys()
        ]
        problems += [
            Problem(f"{at}.{key}", "has a tuned value but is not searched: run the tune stage")
            for key in values.keys() - paths.keys()
        ]
        if problems:
            raise ParamsError(self.file, sorted(problems))
        raw = substitute(self.sections[name], {paths[key]: value for key, value in values.items()})
        spec, problems = validate(SPEC_TYPES[name], raw, path=("models", name))
        images = ImageInputs.of(self.params.images.source, self.params.images.selected)
        problems = problems or list(impossible(name, spec, images))
        if problems:
            raise ParamsError(self.file, problems)
        return spec  # type: ignore[no-any-return]  # SPEC_TYPES holds the class of each name


def load_params(path: Path) -> Loaded:
    """Read and check a parameter file.

    Raises:
        ParamsError: with every mistake, each with its path, its value and what was expected.
    """
    raw = read_yaml(path)
    problems: list[Problem] = []
    top: dict[str, Any] = {}
    for name, field in Params.model_fields.items():
        if name == "models":
            continue
        if name not in raw:
            problems.append(Problem(name, "missing key"))
            continue
        top[name], found = validate(Annotated[field.annotation, field], raw[name], path=(name,))
        problems += found
    problems += [
        Problem(str(key), f"unknown key{nearest(str(key), Params.model_fields)}")
        for key in raw
        if key not in Params.model_fields
    ]
    images = readable_images(raw.get("images"))
    if images is not None and top.get("evaluation") is not None:
        problems += meaningless(top["evaluation"], images)
    sections = as_mapping(raw.get("models"))
    if sections is None:
        problems.append(
            Problem("models", f"{shown(raw.get('models'))}: should be a section with a part for each model")
        )
        raise ParamsError(path.name, problems)
    problems += [
        Problem(f"models.{key}", f"unknown model{nearest(str(key), MODEL_NAMES)}")
        for key in sections
        if key not in MODEL_NAMES
    ]
    specs: dict[str, Any] = {}
    spaces: dict[ModelName, Mapping[KeyPath, Search]] = {}
    for model in MODEL_NAMES:
        if model not in sections:
            problems.append(Problem(f"models.{model}", "missing key (to switch a model off, set its enabled to false)"))
            continue
        spec, spaces[model], found = check_model(model, sections[model], images)
        problems += found
        if spec is not None:
            specs[model] = spec
    outside = misplaced(raw)
    paths = {problem.path for problem in outside}
    problems = [problem for problem in problems if problem.path not in paths] + outside
    if problems:
        raise ParamsError(path.name, problems)
    params = Params(**top, models=Models(**specs))
    return Loaded(params, {name: sections[name] for name in MODEL_NAMES}, spaces, path.name)


def readable_images(section: object) -> ImageInputs | None:
    """What the selected source gives, however wrong everything around it is."""
    parts = as_mapping(section) or {}
    name, sources = parts.get("source"), as_mapping(parts.get("sources")) or {}
    if not isinstance(name, str) or name not in ImageSources.model_fields or name not in sources:
        return None
    source, _ = validate(ImageSources.model_fields[name].annotation, sources[name], path=())
    return None if source is None else ImageInputs.of(name, source)


def check_model(
    name: ModelName, section: object, images: ImageInputs | None
) -> tuple[ModelSpec | None, Mapping[KeyPath, Search], list[Problem]]:
    """The spec at the first value of each search, the space, and what is wrong at any corner of the space."""
    at = ("models", name)
    space: dict[KeyPath, Search] = {}
    problems: list[Problem] = []
    broken: list[str] = []
    for path, node in find_searches(section):
        parsed, found = parse_search(node, (*at, *path))
        if path and path[0] in UNSEARCHABLE:
            found = [Problem(dotted((*at, *path)), f"cannot be searched: {UNSEARCHABLE[str(path[0])]}")]
        problems += found
        if parsed is None or found:
            broken.append(dotted((*at, *path)))
        else:
            space[path] = parsed
    first: ModelSpec | None = None
    for values in corners(space):
        spec, found = validate(SPEC_TYPES[name], substitute(section, values), path=at)
        found = found or (list(impossible(name, spec, images)) if spec is not None else [])
        found = [problem for problem in found if not problem.path.startswith(tuple(broken))]
        problems += [where_searched(problem, name, values) for problem in found]
        first = first or spec
    return first, space, list(dict.fromkeys(problems))


def parse_search(node: Mapping[str, Any], path: KeyPath) -> tuple[Search | None, list[Problem]]:
    """A search space, told apart by its keys so that a mistake in it is reported once."""
    extra = [
        Problem(dotted((*path, str(key))), "unknown key beside search: a value is fixed or searched, never both")
        for key in node
        if key != "search"
    ]
    inner = as_mapping(node["search"])
    if inner is None:
        return None, [
            *extra,
            Problem(dotted((*path, "search")), f"{shown(node['search'])}: should be {{low, high, log}} or {{choices}}"),
        ]
    kind: Literal["choices", "range"] = "choices" if "choices" in inner else "range"
    parsed, found = validate(Choices if kind == "choices" else Range, inner, path=(*path, "search"))
    return parsed, [*extra, *found]


def where_searched(problem: Problem, name: ModelName, values: Mapping[KeyPath, object]) -> Problem:
    """Says of a mistake at a searched key which of its values is meant."""
    for path, value in values.items():
        if problem.path == dotted(("models", name, *path)):
            return Problem(
                f"{problem.path}.search",
                f"{problem.message}" if shown(value) in problem.message else f"at {shown(value)}: {problem.message}",
            )
    return problem


def misplaced(raw: Mapping[str, Any]) -> list[Problem]:
    """Searches outside of `models`."""
    outside = {key: value for key, value in raw.items() if key != "models"}
    return [Problem(dotted(path), "only a value below models can be searched") for path, _ in find_searches(outside)]
