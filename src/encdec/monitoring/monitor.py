"""Compares a batch with what the models were trained on, and writes down what was found."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import torch
from threadpoolctl import threadpool_limits

from encdec.cards import ImageCard, PairCard
from encdec.datasets.folder import read_card
from encdec.figures.picture import Picture
from encdec.monitoring.batch import Batch, kind_of, read_images, read_texts
from encdec.monitoring.compare_images import compare_images
from encdec.monitoring.compare_texts import compare_texts, open_model, unreadable
from encdec.monitoring.compared import Compared
from encdec.monitoring.logged import NOTHING, read_logged
from encdec.monitoring.page import render_result
from encdec.monitoring.records import keep
from encdec.monitoring.reference import Reference, find_reference
from encdec.monitoring.result import Given, Known, Missing, Result, Verdict, judge, sentence_of
from encdec.monitoring.rows import ImageRows, TextRows
from encdec.monitoring.validity import Validity, check_batch
from encdec.outs import write_text
from encdec.params.root import Kind, Params
from encdec.progress import note as say
from encdec.sources.image_tree import INDEX_SUFFIXES
from encdec.tracking.decided import surroundings
from encdec.tracking.digests import dvc_digest
from encdec.tracking.store import Store, reached

FOLDER = "monitoring"
DOCUMENT, PAGE = "monitor.json", "monitor.html"
DIGEST_CHARACTERS = 12


class Request(NamedTuple):
    """`out`: None for a folder of the project's .work, named by the digest of the batch.

    `address`: where it was brought from; None for a batch that lies where it was named.
    """

    batch: Path
    kind: Kind | None
    predictions: Path | None
    out: Path | None
    address: str | None = None


class Outcome(NamedTuple):
    result: Result
    folder: Path


def monitor(store: Store, params: Params, request: Request) -> Outcome:
    """Read a batch, validate it, compare it, and keep the result as files and as a run of MLflow.

    Raises:
        ValueError: there is nothing to compare with, the batch is too small, or the predictions are not its own.
    """
    torch.set_num_threads(params.threads)
    with threadpool_limits(params.threads):
        kind = kind_of(request.batch, request.kind, params.pairs)
        reference = find_reference(store.project, params, kind)
        folder = store.project.tree / reference.splits.train.name
        card = read_card(folder, ImageCard) if kind == "images" else read_card(folder, PairCard)
        batch = read(request.batch, params, card)
        validity = check(store, params, reference, batch, card)
        compared = Compared((), (), ())
        if not validity.errors:
            hold_least(request.batch, batch.rows.num_rows, params.monitoring.min_rows)
            compared = compare(store, params, request, reference, batch.rows)
    result = result_of(store, params, request, reference, batch, validity, compared, card)
    return Outcome(result, write(store, request, result, compared.pictures))


def read(path: Path, params: Params, card: ImageCard | PairCard) -> Batch:
    say(f"monitor: reading {path}")
    return read_images(path, card) if isinstance(card, ImageCard) else read_texts(path, params.pairs)


def check(store: Store, params: Params, reference: Reference, batch: Batch, card: ImageCard | PairCard) -> Validity:
    validity = check_batch(batch, params, card)
    if isinstance(batch.rows, TextRows) and not validity.errors:
        return validity._replace(errors=unreadable(open_model(store.project, reference), batch.rows))
    return validity


def hold_least(path: Path, found: int, least: int) -> None:
    if found < least:
        raise ValueError(
            f"{path}: has {found} rows, too few to tell a shift from chance: give at least {least} "
            "(monitoring.min_rows of params.yaml)"
        )


def compare(
    store: Store, params: Params, request: Request, reference: Reference, rows: ImageRows | TextRows
) -> Compared:
    logged = NOTHING if request.predictions is None else read_logged(request.predictions, rows)
    say(f"monitor: comparing {rows.num_rows:,} rows with {reference.splits.train.name}")
    if isinstance(rows, ImageRows):
        return compare_images(store.project, params, reference, rows, logged)
    return compare_texts(store.project, params, reference, rows, logged)


def result_of(
    store: Store,
    params: Params,
    request: Request,
    reference: Reference,
    batch: Batch,
    validity: Validity,
    compared: Compared,
    card: ImageCard | PairCard,
) -> Result:
    rules = params.monitoring
    groups, tests = judge(compared.families, rate=rules.false_alarm_rate, psi_large=rules.psi_large)
    drifted = any(test.drifted for test in tests)
    given = given_of(request, batch)
    verdict: Verdict = "invalid" if validity.errors else "drift" if drifted else "none"
    return Result(
        verdict=verdict,
        sentence=sentence_of(
            verdict, batch=given, groups=groups, tests=tests, rules=rules, problems=len(validity.errors)
        ),
        kind=card.kind,
        source=card.source,
        batch=given,
        reference=tuple(known_of(reference)),
        left_out=tuple(Missing(**each._asdict()) for each in reference.left_out),
        problems=tuple(validity.errors),
        remarks=tuple(validity.warnings),
        families=groups,
        tests=tests,
        rows=compared.rows,
        rules={**rules.model_dump(), "seed": params.seed, "threads": params.threads},
        surroundings=now(store),
    )


def given_of(request: Request, batch: Batch) -> Given:
    """An index stands for the images that lie beside it, so its digest is that of their folder."""
    path = request.batch
    beside = path.is_file() and isinstance(batch.rows, ImageRows) and path.suffix.lower() in INDEX_SUFFIXES
    return Given(
        path=request.address or path.as_posix(),
        digest=dvc_digest(path.absolute().parent if beside else path),
        rows=batch.rows.num_rows,
        labelled=batch.labelled,
        predictions=None if request.predictions is None else request.predictions.as_posix(),
    )


def known_of(reference: Reference) -> list[Known]:
    train, val = reference.splits
    found = [
        Known(path=train.name, digest=train.digest, used_for="data, and thresholds of models"),
        Known(path=val.name, digest=val.digest, used_for="what models say"),
    ]
    return found + [
        Known(path=out.name, digest=out.digest, used_for=f"answers of {name}") for name, out in reference.models.items()
    ]


def now(store: Store) -> Mapping[str, str]:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {"at": moment, **surroundings(store)}


def write(store: Store, request: Request, result: Result, pictures: tuple[Picture, ...]) -> Path:
    """The files first: they are there also where the store is lost."""
    out = request.out or store.project.work / FOLDER / result.batch.digest[:DIGEST_CHARACTERS]
    files = {DOCUMENT: result.text(), PAGE: render_result(result, pictures)}
    for name, text in files.items():
        write_text(out / name, text)
    with reached(store):
        keep(store, result, files)
    return out
