"""What a trained model answers to your own images or texts.

MODEL is a folder of the train stage or an address in MLflow:

  encdec predict data/05_models/cnn photo.png scans/
  encdec predict models:/seq2seq@champion letters.tsv --to csv --out answers.csv
  echo "3 May 2001" | encdec predict data/05_models/seq2seq - --beam-size 4
  encdec predict data/05_models/autoencoder scans/ --to images --out rebuilt/

Models of images read image files, folders of them (with all folders below) and .npy arrays; models of texts read
.txt (a text in each line), .csv, .tsv, .jsonl and .parquet (the column `source`, or --column), and - for standard
input. Images are converted exactly as the prepare stage does. Answers keep the order of the inputs, and memory does
not grow with their number. A bad input stops it with a sentence, and no file is written; with --skip-bad its row has
the key `error` in place of an answer.
"""

import argparse
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from encdec.models.storage import TrainedModel
    from encdec.serving.answers import Answer

To = Literal["jsonl", "csv", "images"]
BATCH_SIZE = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a folder of the train stage, or an address in MLflow")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files and folders; - is standard input (texts)")
    parser.add_argument("--to", choices=("jsonl", "csv", "images"), default="jsonl", help="what to write (jsonl)")
    parser.add_argument("--out", type=Path, help="the file, or for images the new folder; else standard output")
    parser.add_argument("--column", help="of a table: the column with the texts (source, or the only one)")
    parser.add_argument("--code", action="store_true", help="autoencoders: the code of each image as well")
    parser.add_argument("--skip-bad", action="store_true", help="answer the others where an input is bad")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE, help=f"inputs at a time ({BATCH_SIZE})")
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument("--beam-size", type=int, help="texts: hypotheses of the search; 1 is greedy (as trained)")
    parser.add_argument("--length-penalty", type=float, help="texts: of the search (as trained)")
    parser.add_argument("--num-samples", type=int, help="texts: targets to draw for each; vae: samples of the code")
    parser.add_argument("--temperature", type=float, help="texts: of the draws; cnn: of the softmax")
    parser.add_argument("--seed", type=int, help="of the draws (0)")


def run(
    model: str,
    inputs: list[str],
    *,
    to: To,
    out: Path | None,
    column: str | None,
    code: bool,
    skip_bad: bool,
    batch_size: int,
    threads: int,
    beam_size: int | None,
    length_penalty: float | None,
    num_samples: int | None,
    temperature: float | None,
    seed: int | None,
) -> None:
    import torch

    from encdec.models.storage import load_model
    from encdec.tracking.opening import local_model

    for name, value in (("--batch-size", batch_size), ("--threads", threads)):
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
    if to == "images" and out is None:
        raise ValueError("--to images needs a folder: give --out")
    asked = {
        "beam_size": beam_size,
        "length_penalty": length_penalty,
        "num_samples": num_samples,
        "temperature": temperature,
        "seed": seed,
    }
    given = {key: value for key, value in asked.items() if value is not None}
    torch.set_num_threads(threads)
    with local_model(model) as folder:
        trained = load_model(folder)
        if trained.card.kind == "pairs":
            answers = text_answers(folder, inputs, column=column, batch_size=batch_size, given=given)
        else:
            answers = image_answers(trained, inputs, code=code, batch_size=batch_size, given=given)
        check_form(trained, to)
        write(
            watched(answers, skip_bad=skip_bad),
            to=to,
            out=out,
            columns=columns_of(trained, code, num_samples, skip_bad),
        )


def text_answers(
    folder: Path, inputs: list[str], *, column: str | None, batch_size: int, given: dict[str, int | float]
) -> "Iterator[Answer]":
    from encdec.serving.answers import answer_texts
    from encdec.serving.options import read_options
    from encdec.serving.text_inputs import read_texts
    from encdec.serving.texts import load_text_model

    texts = load_text_model(folder)
    options = read_options("seq2seq", texts.default_options, given)
    return answer_texts(texts, read_texts(inputs, column), batch_size=batch_size, options=options)


def image_answers(
    model: "TrainedModel", inputs: list[str], *, code: bool, batch_size: int, given: dict[str, int | float]
) -> "Iterator[Answer]":
    from encdec.cards import ImageCard
    from encdec.models.build import fitting
    from encdec.serving.answers import answer_images
    from encdec.serving.image_inputs import read_images
    from encdec.serving.options import default_options, read_options

    card = fitting(model.name, model.card, ImageCard)
    options = read_options(model.name, default_options(model.name, model.spec), given)
    if code and model.name == "cnn":
        raise ValueError("--code: a classifier has none; leave it out")
    images = read_images([Path(path) for path in inputs], card)
    return answer_images(model, images, batch_size=batch_size, options=options, with_code=code)


def check_form(model: "TrainedModel", to: To) -> None:
    if to == "images" and (model.name == "cnn" or model.card.kind == "pairs"):
        raise ValueError(f"--to images: {model.name} makes no images; choose jsonl or csv")


def columns_of(model: "TrainedModel", code: bool, num_samples: int | None, skip_bad: bool) -> list[str]:
    """The header of a CSV."""
    failed = ["error"] if skip_bad else []
    if model.card.kind == "pairs":
        return ["input", "source", "target", "score", *(["sample"] if num_samples else []), *failed]
    if model.name == "cnn":
        return ["input", "class", "probability", *(f"probability of {name}" for name in model.card.classes), *failed]
    units = code_size(model) if code else 0
    return ["input", "reconstruction_error", *(f"code {unit}" for unit in range(units)), *failed]


def code_size(model: "TrainedModel") -> int:
    import torch

    from encdec.cards import ImageCard
    from encdec.models.build import fitting
    from encdec.serving.images import code_of

    card = fitting(model.name, model.card, ImageCard)
    with torch.inference_mode():
        return code_of(model.network, torch.zeros(1, card.channels, card.height, card.width)).shape[1]


def watched(answers: "Iterable[Answer]", *, skip_bad: bool) -> "Iterator[Answer]":
    """The same answers, with a bar; the first that failed ends it, unless they may be left out."""
    from encdec.progress import note, progress
    from encdec.serving.problems import InputError

    failed = total = 0
    with progress("predict", total=None, unit="inputs") as meter:
        for answer in answers:
            if answer.failed:
                if not skip_bad:
                    raise InputError(f"{answer.row['input']}: {answer.row['error']} (--skip-bad answers the others)")
                failed += 1
            total += 1
            yield answer
            meter.advance()
    if failed:
        note(f"{failed:,} of {total:,} answers are errors: see the key `error`")


def write(answers: "Iterable[Answer]", *, to: To, out: Path | None, columns: list[str]) -> None:
    from encdec.serving.writing import opened, write_csv, write_folder, write_json_lines, write_pictures

    if to == "images" and out is not None:
        write_folder(out, partial(write_pictures, answers))
        return
    with opened(out) as file:
        if to == "csv":
            write_csv(answers, file, columns=columns)
        else:
            write_json_lines(answers, file)
