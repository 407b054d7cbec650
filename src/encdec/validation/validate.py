"""Validates a manifest with Great Expectations, which is loaded (over two seconds) only when this is called."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from encdec.params.data import ImageChecks, MaxCharacters, PairChecks
from encdec.validation.columns import IMAGE_COLUMNS, PAIR_COLUMNS, image_frame, pair_frame, structure_frame
from encdec.validation.findings import Finding, ValidationError, ValidationReport

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult

    from encdec.validation.rules import Rule

__all__ = ["ValidationError", "ValidationReport", "validate_images", "validate_pairs"]


class Answers(NamedTuple):
    """What was found, and the results of Great Expectations that say so, in the same order."""

    findings: list[Finding]
    results: list["ExpectationValidationResult"]


def validate_images(manifest: pd.DataFrame, checks: ImageChecks, source: Mapping[str, Any]) -> ValidationReport:
    """Every expectation of `checks` on a manifest of images; `source`: the content of source.json.

    With a wrong column or type, or no row at all, nothing else can be checked: then the findings about structure are
    the only ones, and are errors whatever their severity.

    Raises:
        ValueError: source.json lacks an entry.
    """
    need(source, "name", "classes", "pixel_max", "split")
    rows = manifest.reset_index(drop=True)
    answers = check_structure(rows, checks, IMAGE_COLUMNS)
    if not is_blocked(answers, rows):
        from encdec.validation.image_rules import image_rules

        frame = image_frame(rows, source["classes"])
        answers = check_content(answers, rows, frame, image_rules(frame, checks, source))
    return report("images", rows, source, answers)


def validate_pairs(
    manifest: pd.DataFrame, checks: PairChecks, source: Mapping[str, Any], *, max_characters: MaxCharacters
) -> ValidationReport:
    """The same for a manifest of text pairs.

    Raises:
        ValueError: source.json lacks an entry.
    """
    need(source, "name", "split")
    rows = manifest.reset_index(drop=True)
    answers = check_structure(rows, checks, PAIR_COLUMNS)
    if not is_blocked(answers, rows):
        from encdec.validation.pair_rules import pair_rules

        frame = pair_frame(rows)
        rules = pair_rules(frame, checks, source, max_characters=max_characters)
        answers = check_content(answers, rows, frame, rules)
    return report("pairs", rows, source, answers)


def check_structure(rows: pd.DataFrame, checks: ImageChecks | PairChecks, columns: Mapping[str, str]) -> Answers:
    # read when Great Expectations is first imported
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    from encdec.validation.structure_rules import structure_rules

    answers = answer(rows, structure_frame(rows), structure_rules(rows, checks, columns), name="structure")
    if is_blocked(answers, rows):
        return Answers([finding._replace(severity="error") for finding in answers.findings], answers.results)
    return answers


def is_blocked(structure: Answers, rows: pd.DataFrame) -> bool:
    """A column more than expected is no hindrance."""
    failed = [finding for finding in structure.findings if not finding.success]
    missing = any(row.get("found") == "missing" for finding in failed for row in finding.rows)
    return missing or any(finding.check == "types" for finding in failed) or rows.empty


def check_content(structure: Answers, rows: pd.DataFrame, frame: pd.DataFrame, rules: "Sequence[Rule]") -> Answers:
    content = answer(rows, frame, rules, name="content")
    return Answers(structure.findings + content.findings, structure.results + content.results)


def answer(rows: pd.DataFrame, frame: pd.DataFrame, rules: "Sequence[Rule]", *, name: str) -> Answers:
    """`rows`: the manifest; `frame`: the columns that the rules read."""
    from encdec.validation.answers import finding_of
    from encdec.validation.suite_run import run_rules

    results = run_rules(frame, rules, name=name)
    table = rows.join(frame[[column for column in frame.columns if column not in rows.columns]])
    return Answers([finding_of(rule, result, table) for rule, result in zip(rules, results, strict=True)], results)


def report(kind: str, rows: pd.DataFrame, source: Mapping[str, Any], answers: Answers) -> ValidationReport:
    from encdec.validation.suite_run import as_json, as_page, combine

    combined = combine(answers.results, name=f"{kind} of {source['name']}")
    findings, name = tuple(answers.findings), str(source["name"])
    return ValidationReport(kind, name, len(rows), findings, as_json(combined), as_page(combined))


def need(source: Mapping[str, Any], *keys: str) -> None:
    missing = [key for key in keys if key not in source]
    if missing:
        raise ValueError(f"source.json: has no {', '.join(missing)}; run the ingest stage again")
