"""Runs rules with Great Expectations and keeps of its answers what is the same in every run."""

import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from html import escape
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from encdec.validation.columns import visible
from encdec.validation.rules import Rule

MAX_ROWS = 10
"""First failing rows that a finding keeps."""
RESULT_FORMAT = {
    "result_format": "SUMMARY",
    "partial_unexpected_count": MAX_ROWS,
    "return_unexpected_index_query": False,
}
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def run_rules(frame: pd.DataFrame, rules: Sequence[Rule], *, name: str) -> list[ExpectationValidationResult]:
    """The result of each rule, in their order.

    A validation definition reads (and fingerprints) the frame once; `batch.validate` does so twice.

    Raises:
        RuntimeError: an expectation could not be computed, which is a mistake of this package and not of the data.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("manifest").add_dataframe_asset(name)
    suite = gx.ExpectationSuite(name=name)
    for number, rule in enumerate(rules):
        rule.expectation.meta = {**(rule.expectation.meta or {}), "number": number}
        suite.add_expectation(rule.expectation)
    definition = gx.ValidationDefinition(
        name=name, data=asset.add_batch_definition_whole_dataframe("rows"), suite=context.suites.add(suite)
    )
    run = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": frame}, result_format=RESULT_FORMAT
    )
    results = sorted(run.results, key=lambda result: int(configuration_of(result).meta["number"]))
    for rule, result in zip(rules, results, strict=True):
        if result.exception_info.get("raised_exception", False):
            raise RuntimeError(f"{rule.terms.check}: {result.exception_info.get('exception_message')}")
        make_constant(result)
    return results


def configuration_of(result: ExpectationValidationResult) -> ExpectationConfiguration:
    if result.expectation_config is None:
        raise RuntimeError("a result of Great Expectations without its expectation")
    return result.expectation_config


def make_constant(result: ExpectationValidationResult) -> None:
    """Drop the order and the batch; plain Python numbers, as the page cannot print an np.float64 of numpy 2."""
    configuration = configuration_of(result)
    configuration.meta.pop("number")
    configuration.kwargs.pop("batch_id", None)
    observed = result.result.get("observed_value")
    if isinstance(observed, np.generic):
        result.result["observed_value"] = observed.item()


def combine(results: Iterable[ExpectationValidationResult], *, name: str) -> ExpectationSuiteValidationResult:
    """One result of the whole suite, without the time and the ids of the runs."""
    everything = list(results)
    passed = sum(bool(result.success) for result in everything)
    return ExpectationSuiteValidationResult(
        success=passed == len(everything),
        results=everything,
        suite_name=name,
        statistics={
            "evaluated_expectations": len(everything),
            "successful_expectations": passed,
            "unsuccessful_expectations": len(everything) - passed,
            "success_percent": 100.0 * passed / len(everything),
        },
        meta={"great_expectations_version": gx.__version__},
    )


def as_json(suite_result: ExpectationSuiteValidationResult) -> dict[str, Any]:
    content: dict[str, Any] = suite_result.to_json_dict()  # type: ignore[no-untyped-call]  # untyped there
    for result in content["results"]:
        result["expectation_config"].pop("id", None)  # a generated one
    return content


def as_page(suite_result: ExpectationSuiteValidationResult) -> str:
    """The page of Great Expectations; generated ids are numbered in the order in which they come.

    The query of the logo's address, an id of this run that would be sent to its server, is cut. Values of the data
    are escaped here: in its tables Great Expectations prints them as HTML, so that a label could be a script.
    """
    safe = deepcopy(suite_result)
    for result in safe.results:
        result.result = escaped(result.result)
    document = ValidationResultsPageRenderer().render(safe)
    page: str = DefaultJinjaPageView().render(document, show_how_to_buttons=False)  # type: ignore[no-untyped-call]  # untyped there
    page = re.sub(r"(logo-long\.png)\?[^\"]*", r"\1", page)
    page = page.replace(" / __none__", "").replace("__none__", "see the MLflow run")
    numbers = {found: f"id-{number}" for number, found in enumerate(dict.fromkeys(UUID.findall(page)))}
    return UUID.sub(lambda match: numbers[match[0]], page)


def escaped(value: Any) -> Any:
    """The same with every text in it, keys excepted, safe to stand in HTML."""
    match value:
        case str():
            return escape(visible(value))
        case dict():
            return {key: escaped(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [escaped(item) for item in value]
        case _:
            return value
