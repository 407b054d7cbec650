"""A retraining as plain Markdown: the body of a pull request, and the summary of a job."""

from collections.abc import Iterator, Sequence

from encdec.promotion.decision import Bounds, MetricLine
from encdec.promotion.sentences import better_of
from encdec.report.numbers import significant, with_interval
from encdec.retraining.document import DataLine, Document, Judged, Mistake, Rows, SliceLine
from encdec.retraining.markdown import bullets, code, prose, table

WORDS = {"model": "better", "baseline": "worse", "unclear": "no clear difference"}
RIGHT_OR_WRONG = ("accuracy", "exact_match")
DOUBLED = ("more than doubled in error", "fell below half")
"""Of a model that is never right or wrong."""
MOST_SLICES, MOST_MISTAKES, MOST_PARAMETERS, MOST_NAMED = 12, 8, 40, 10


def pull_request(document: Document) -> str:
    """Everything that a reviewer asks: why, what is other, before and after, what got worse, and how to undo it."""
    parts = [
        f"## {prose(document.sentence)}",
        *decision_part(document),
        *trigger_part(document),
        *difference_part(document),
    ]
    for judged in document.models:
        parts += [f"## {judged.model}", *model_part(judged)]
    parts += list(undo_part(document))
    return "\n\n".join(parts) + "\n"


def summary(document: Document) -> str:
    """For what is no pull request: the sentence, and why."""
    parts = [f"## {prose(document.sentence)}"]
    if document.details:
        parts.append(bullets([prose(line) for line in document.details.splitlines() if line.strip()]))
    if document.outcome == "invalid":
        parts.append("Nothing was changed: neither the data, nor the models, nor the champion.")
    return "\n\n".join(parts) + "\n"


def decision_part(document: Document) -> Iterator[str]:
    if not document.models:
        yield "**No model's weights changed**, so that there is nothing to compare and nothing to promote."
        return
    rows = []
    for judged in document.models:
        line = judged.whole.metrics[0]
        before = interval(line.champion) if line.champion else "none" if judged.champion is None else "not measured"
        word = ("accepted, and champion now" if judged.promoted else "accepted") if judged.accepted else "**refused**"
        rows.append((judged.model, f"{line.metric} {arrow(line)}", before, interval(line.candidate), gain(line), word))
    yield table(("model", "metric", "before", "after", "gain", "decision"), rows)
    yield "On all test rows of now. A gain above 0 is better, whichever way the metric points."
    yield bullets([prose(judged.summary) for judged in document.models])


def trigger_part(document: Document) -> Iterator[str]:
    yield "### What triggered it"
    lines = [prose(text[:1].upper() + text[1:]) for text in document.texts]
    if document.batch is not None:
        how = "in place of the old data" if document.batch.mode == "replace" else "beside the data that there were"
        lines.append(f"The batch {code(document.batch.name)} (digest {code(document.batch.digest)}) lies {how}")
    if document.base is not None:
        lines.append(f"Before: commit {code(document.base[:12])}")
    if document.run_id is not None:
        lines.append(f"In MLflow: run {code(document.run_id)}")
    yield bullets(lines)


def difference_part(document: Document) -> Iterator[str]:
    yield "### Data and parameters"
    if document.data:
        header = (
            "data",
            "rows before",
            "rows after",
            "added",
            "removed",
            "test rows before",
            "test rows after",
            "rejected in all",
        )
        yield table(header, [data_row(line) for line in document.data], right=range(1, 8))
        notes = [note for line in document.data for note in data_notes(line)]
        if notes:
            yield bullets(notes)
    else:
        yield "The data are the same."
    if document.parameters:
        shown = document.parameters[:MOST_PARAMETERS]
        yield table(
            ("parameter", "before", "after"), [(code(line.key), code(line.before), code(line.after)) for line in shown]
        )
        if len(document.parameters) > len(shown):
            yield f"And {len(document.parameters) - len(shown)} more."
    else:
        yield "The parameters are the same."
    if document.code:
        yield f"Changed code: {named(document.code)}."


def data_row(line: DataLine) -> tuple[str, ...]:
    before = "unknown" if line.rows_before is None else f"{line.rows_before:,}"
    test = "unknown" if line.test_before is None else f"{line.test_before:,}"
    counts = (line.added, line.removed)
    return (
        line.kind,
        before,
        f"{line.rows_after:,}",
        *(f"{count:,}" for count in counts),
        test,
        f"{line.test_after:,}",
        f"{line.rejected:,}",
    )


def data_notes(line: DataLine) -> Iterator[str]:
    if line.classes_added:
        yield f"New classes: {named(line.classes_added)}"
    if line.classes_removed:
        yield f"Classes that are gone: {named(line.classes_removed)}"
    for warning in line.warnings:
        yield f"A warning of the validation of {line.kind}: {prose(warning)}"


def model_part(judged: Judged) -> Iterator[str]:
    if judged.champion is not None and judged.whole.metrics[0].champion is not None:
        yield f"Beside {prose(judged.champion)}, both measured now, by the same code and on the same rows."
    for note in judged.notes:
        yield f"> {prose(note)}"
    yield from recorded_part(judged)
    same = judged.fixed is not None and judged.new is None and judged.fixed == judged.whole
    if judged.fixed is not None and not same:
        yield f"### On the {rows_of(judged.fixed)} of the last commit's test split"
        yield metrics_table(judged.fixed)
    if judged.new is not None:
        yield f"### On the {rows_of(judged.new)} that are new in the test split"
        yield metrics_table(judged.new)
    yield f"### On all {rows_of(judged.whole)} of the test split{', the same as at the last commit' if same else ''}"
    yield metrics_table(judged.whole)
    yield from slice_part(judged)
    yield from mistake_part(judged)
    yield from gate_part(judged)


def recorded_part(judged: Judged) -> Iterator[str]:
    """What is known of a model that nobody could measure."""
    if judged.recorded:
        yield "### Before, as the last commit has it (measured then)"
        yield table(("metric", "then"), [(code(name), significant(value)) for name, value in judged.recorded.items()])
        yield "This is no comparison: rows, code or machine may have been others."


def rows_of(rows: Rows) -> str:
    return f"{rows.rows:,} {rows.unit}"


def metrics_table(rows: Rows) -> str:
    """↑ and ↓ say which way is better; a gain is above 0 where the challenger is better."""
    lines = []
    for line in rows.metrics:
        before = interval(line.champion) if line.champion else "-"
        verdict = WORDS[better_of(line)] if line.gain else "not compared"
        lines.append((f"{line.metric} {arrow(line)}", before, interval(line.candidate), gain(line), verdict))
    return table(("metric", "before", "after", "gain", "verdict"), lines)


def slice_part(judged: Judged) -> Iterator[str]:
    if not judged.slices:
        return
    worse = [line for line in judged.slices if line.worse]
    yield "### Classes and slices"
    if worse:
        told = ", ".join(
            f"{code(line.name)} ({significant(line.before, 3)} → {significant(line.after, 3)})"
            for line in worse[:MOST_NAMED]
        )
        more = f" and {len(worse) - MOST_NAMED} more" if len(worse) > MOST_NAMED else ""
        yield f"**{len(worse)} of {len(judged.slices)} got worse in {judged.metric} by more than noise**: {told}{more}."
    else:
        yield f"None of {len(judged.slices)} got worse in {judged.metric} by more than noise."
    shown = [*worse, *sorted((line for line in judged.slices if not line.worse), key=lambda line: line.gain)][
        :MOST_SLICES
    ]
    yield table(
        ("slice", "rows", "before", "after", "gain", "verdict"), [slice_row(line) for line in shown], right=(1, 2, 3, 4)
    )
    more = f" {len(judged.slices) - len(shown)} more are in retrain.json." if len(judged.slices) > len(shown) else ""
    yield f"Paired permutation test for each, corrected for all of them (Holm).{more}"


def slice_row(line: SliceLine) -> tuple[str, ...]:
    figures = [significant(value, 3) for value in (line.before, line.after, line.gain)]
    sign = "+" if line.gain > 0 else ""
    verdict = "**worse**" if line.worse else "no clear loss" if line.gain < 0 else ""
    return (code(line.name), f"{line.rows:,}", figures[0], figures[1], f"{sign}{figures[2]}", verdict)


def mistake_part(judged: Judged) -> Iterator[str]:
    """Texts as a table, images as pictures: relative links, which a later step may turn into addresses."""
    if judged.champion is None or not judged.whole.metrics[0].gain:
        return
    yield "### Worst new errors"
    wrong, right = ("became wrong", "became right") if judged.metric in RIGHT_OR_WRONG else DOUBLED
    if not judged.mistakes:
        yield f"No test row {wrong}; {counted(judged.num_mended)} {right}."
        return
    yield f"{counted(judged.num_mistakes)} {wrong}, {judged.num_mended:,} {right}."
    for picture in judged.pictures:
        yield f"![{prose(picture.alt)}]({picture.file})"
    shown = judged.mistakes[:MOST_MISTAKES]
    header = (
        ("row", "source", "true", "before", "after")
        if shown[0].given is not None
        else ("row", "true", "before", "after")
    )
    yield table(header, [mistake_row(one) for one in shown])


def mistake_row(one: Mistake) -> tuple[str, ...]:
    name = f"{code(one.sample)}{' (new)' if one.new else ''}"
    given = () if one.given is None else (code(one.given, most=60),)
    return (name, *given, *(code(text, most=60) for text in (one.expected, one.before, one.after)))


def gate_part(judged: Judged) -> Iterator[str]:
    yield "### The gate"
    yield bullets([check_line("last commit's test rows", judged.fixed_reason, passed=judged.fixed_passed)])
    if judged.gate is not None:
        yield "And what `encdec promote` asks:"
        yield bullets([check_line(check.name, check.reason, passed=check.passed) for check in judged.gate.checks])
    yield f"**{prose(judged.summary)}**"


def check_line(name: str, reason: str, *, passed: bool) -> str:
    return f"{'✓' if passed else '✗'} {prose(name)}: {prose(reason)}"


def undo_part(document: Document) -> Iterator[str]:
    yield "## How to undo it"
    yield bullets(document.undo)


def counted(rows: int) -> str:
    return f"{rows:,} test row{'' if rows == 1 else 's'}"


def named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(code(name) for name in names[:MOST_NAMED])}{more}"


def interval(bounds: Bounds) -> str:
    return with_interval(bounds.value, bounds.low, bounds.high)


def gain(line: MetricLine) -> str:
    return with_interval(line.gain.value, line.gain.low, line.gain.high, plus=True) if line.gain else "-"


def arrow(line: MetricLine) -> str:
    return "↑" if line.higher_is_better else "↓"
