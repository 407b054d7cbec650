"""Stage `evaluate`: weights and the test split -> metrics with intervals, beside those of the baseline, and figures."""

from encdec.starting import begin

begin(__name__)  # above the imports, which take seconds

from pathlib import Path

import torch

from encdec.command import run_command
from encdec.evaluation.comparison import Comparison
from encdec.evaluation.evaluate import evaluate_model, write_evaluation
from encdec.evaluation.pictures import draw_model
from encdec.figures.picture import write_pictures
from encdec.outs import switch_off, whole_folder
from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName
from encdec.tracking.evaluated import Headline
from encdec.tracking.stage import tracked_stage


def figure(value: float) -> str:
    """Four places; a count has none."""
    return f"{value:.0f}" if value.is_integer() and abs(value) > 1 else f"{value:.4f}"


def headline_of(found: Comparison) -> Headline:
    return Headline(
        metric=found.metric.name,
        higher_is_better=found.metric.higher_is_better,
        value=found.model.value,
        baseline=found.baseline.value if found.baseline else None,
        opponent=found.opponent,
        better=found.better,
    )


def main(
    model_name: ModelName,
    test: Path,
    model: Path,
    baselines: Path,
    metrics: Path,
    baseline: Path,
    details: Path,
    figures: Path,
) -> None:
    loaded = load_params(Path("params.yaml"))
    params, outs = loaded.params, [metrics, baseline, details, figures]
    if not params.model_enabled(model_name):
        switch_off(*outs)
        return
    torch.set_num_threads(params.threads)
    section, inputs = {"evaluation": params.evaluation.model_dump()}, [test, model, baselines]
    with tracked_stage("evaluate", loaded=loaded, item=model_name, inputs=inputs, outputs=outs, section=section) as run:
        run.log_input(test, context="test")
        settings, seed = params.evaluation, params.seed
        found = evaluate_model(model, split=test, baselines=baselines, settings=settings, seed=seed)
        with whole_folder(details) as folder:
            write_evaluation(found, metrics=metrics, baseline=baseline, details=folder)
        with whole_folder(figures) as folder:
            pictures = draw_model(
                model, split=test, baselines=baselines, scores=found.scores, settings=settings, seed=seed
            )
            write_pictures(pictures, folder)
        run.log_evaluation(
            model,
            metrics={each.metric.name: each.model.value for each in found.comparisons},
            baseline={each.metric.name: each.baseline.value for each in found.comparisons if each.baseline},
            headline=headline_of(found.comparisons[0]),
            artifacts={"evaluation": details, "figures": figures},
            side_by_side=sorted(figures.glob("*.light.png")),
        )
        for each in found.comparisons:
            beside = f" ({each.opponent}: {figure(each.baseline.value)})" if each.baseline else ""
            print(f"evaluate {model_name}: {each.metric.name} {figure(each.model.value)}{beside}")


if __name__ == "__main__":
    paths = {"test": "the prepared test folder", "model": "the trained model", "baselines": "the fitted baselines"}
    paths |= {"metrics": "the JSON of metrics to write", "baseline": "that of the baseline", "details": "the rest"}
    paths |= {"figures": "the folder of pictures to write"}
    run_command(main, __doc__, item=("model_name", MODEL_NAMES), paths=paths)
