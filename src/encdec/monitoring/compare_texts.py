"""A batch of text pairs from the disk to its tests and its remarkable rows."""

from pathlib import Path

import numpy as np

from encdec.datasets.pairs import PairSplit
from encdec.monitoring.compared import Compared
from encdec.monitoring.logged import Logged
from encdec.monitoring.reference import Reference
from encdec.monitoring.result import Remarkable
from encdec.monitoring.rows import TextRows, draw, known_texts
from encdec.monitoring.text_tests import KnownTexts, TextAnswers, answers_of, model_families, plain_families
from encdec.params.root import Params
from encdec.serving.problems import InputError
from encdec.serving.texts import TextModel, encode, load_text_model
from encdec.tracking.project import Project

MOST_REMARKABLE = 10


def compare_texts(project: Project, params: Params, reference: Reference, batch: TextRows, logged: Logged) -> Compared:
    """
    Raises:
        ValueError: what was logged has nothing to be held against.
    """
    rules, seed = params.monitoring, params.seed
    known = open_known(*(project.tree / out.name for out in reference.splits), most=rules.max_rows, seed=seed)
    part = batch.take(draw(batch.num_rows, most=rules.max_rows, seed=seed))
    families = list(plain_families(known, part, rules, seed=seed))
    model = open_model(project, reference)
    if model is None:
        if logged.answered is not None:
            raise ValueError("--predictions: has texts, and seq2seq is left out: there is nothing to compare with")
        return Compared(families, (), ())
    drawn = draw(batch.num_rows, most=rules.slow_rows, seed=seed)
    rows = batch.take(drawn)
    val = known.val.take(draw(known.val.num_rows, most=rules.slow_rows, seed=seed))
    found = answers_of(rows, model, logged.take(drawn))
    targets = (val.targets, rows.targets)
    families += model_families(answers_of(val, model), found, targets=targets, rules=rules, seed=seed)
    return Compared(families, remarkable(rows, found), ())


def open_known(train: Path, val: Path, *, most: int, seed: int) -> KnownTexts:
    learned, held_out = (PairSplit.open(folder).rows for folder in (train, val))
    return KnownTexts(
        train=known_texts(learned, most=most, seed=seed),
        val=known_texts(held_out, most=most, seed=seed),
        alphabets=(frozenset("".join(learned["source"])), frozenset("".join(learned["target"]))),
    )


def open_model(project: Project, reference: Reference) -> TextModel | None:
    out = reference.models.get("seq2seq")
    return None if out is None else load_text_model(project.tree / out.name)


def unreadable(model: TextModel | None, batch: TextRows) -> list[str]:
    """Why the model cannot read some rows, as `encdec predict` says it."""
    if model is None:
        return []
    problems = []
    for name, source in zip(batch.names, batch.sources, strict=True):
        try:
            encode(model, source, name)
        except InputError as error:
            problems.append(str(error))
    return problems


def remarkable(rows: TextRows, answers: TextAnswers) -> tuple[Remarkable, ...]:
    """The rows of whose answer the model is least sure."""
    targets, scores = answers.answered
    return tuple(
        Remarkable(
            what="log-probability",
            name=rows.names[row],
            value=float(scores[row]),
            text=f"{rows.sources[row]} → {targets[row]}",
        )
        for row in np.argsort(scores, kind="stable")[:MOST_REMARKABLE]
    )
