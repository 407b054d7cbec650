"""How often `encdec monitor` calls an unshifted batch drift, and how often it finds a known shift, on real data.

The models and prepared data are those of `make repro`, the rate and the number of permutations those of params.yaml;
the models without a class and the seeds are made here. Each number is the share of so many drawn batches. The intervals
are Clopper and Pearson's, 95 %.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits

from benchmarks.document import put_section
from benchmarks.drift import (
    IMAGE_SHIFTS,
    Generator,
    Images,
    ImageShift,
    NewClass,
    TextBatch,
    Texts,
    TextShift,
    as_it_is,
    beside_train,
    image_alarm,
    new_locale,
    open_images,
    open_texts,
    rows_of_locale,
    same_images,
    same_texts,
    shifted,
    swapped_targets,
    text_alarm,
    texts_beside_train,
)
from benchmarks.new_class import Budget, train_without
from encdec.models.storage import load_model
from encdec.monitoring.image_tests import ImageModels
from encdec.params.loading import Loaded, load_params
from encdec.params.monitoring import Monitoring
from encdec.serving.texts import load_text_model
from encdec.training.fitting import use_threads

DATA = Path("data")
HELD_OUT = 2000
"""Rows of pairs of val and test that batches are drawn from: the model answers them once."""
DOCUMENT = Path("docs", "monitoring.md")
HEADER = "| batch | rows | called drift | of | share | 95 % interval |\n|---|--:|--:|--:|--:|---|"
LOCALES = {"fi": "Finnish, whose letters are known", "el": "Greek, whose letters are not"}
Alarm = Callable[[Generator], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resamples", type=int, default=1000, help="batches without a shift (1000)")
    parser.add_argument("--shifted", type=int, default=100, help="batches of each shift (100)")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 250], help="of a batch (100 250)")
    parser.add_argument("--first", type=int, default=0, help="seed of the first batch: others than an earlier run (0)")
    parser.add_argument("--only", nargs="+", help="lines of the table by their names (all)")
    parser.add_argument("--record", action="store_true", help="put the table into docs/monitoring.md as well")
    options = parser.parse_args()
    loaded = load_params(Path("params.yaml"))
    rules = loaded.params.monitoring
    use_threads(1)
    lines = [HEADER]
    print(HEADER, flush=True)
    with threadpool_limits(1), TemporaryDirectory() as temporary:
        for name, rows, alarm, count in cases(loaded, Path(temporary), rules, options):
            if count and (options.only is None or name in options.only):
                lines.append(line(name, rows, alarm, range(options.first, options.first + count)))
                print(lines[-1], flush=True)
    if options.record:
        put_section(DOCUMENT, "alarms", "\n".join(lines))


def cases(
    loaded: Loaded, folder: Path, rules: Monitoring, options: argparse.Namespace
) -> Iterator[tuple[str, int, Alarm, int]]:
    """Name, rows of a batch, what is asked of one batch, and how many are drawn."""
    models = ImageModels(*(load_model(DATA / "05_models" / name) for name in ("cnn", "autoencoder")))
    images = open_images(DATA / "03_prepared" / "images", models, rules)
    text_model = load_text_model(DATA / "05_models" / "seq2seq")
    texts = open_texts(DATA / "03_prepared" / "pairs", text_model, rules, held_out=HELD_OUT)
    for rows in options.rows:
        yield from ((name, rows, alarm, options.resamples) for name, alarm in unshifted(images, texts, rules, rows))
        met = of_images(images, rows, rules, as_it_is)
        yield "digits, labelled, as they are, beside train itself", rows, met, options.resamples
    dates = loaded.params.pairs.sources.dates
    strange = train_without("9", loaded, folder, budget=Budget(epochs=30, steps=2000))
    foreign = {what: rows_of_locale(dates, locale, text_model, rows=300) for locale, what in LOCALES.items()}
    for rows in options.rows:
        found = [
            *shifted_images(images, rules, rows),
            *new_classes(strange, rules, rows),
            *shifted_texts(texts, rules, rows),
            *new_locales(texts, foreign, rules, rows),
        ]
        yield from ((name, rows, alarm, options.shifted) for name, alarm in found)


def line(name: str, rows: int, alarm: Alarm, numbers: Sequence[int]) -> str:
    found, count = sum(alarm(np.random.default_rng([rows, number])) for number in numbers), len(numbers)
    low, high = binomtest(found, count).proportion_ci(0.95)
    return f"| {name} | {rows} | {found} | {count} | {found / count:.1%} | {low:.1%} to {high:.1%} |"


def of_images(images: Images, rows: int, rules: Monitoring, shift: ImageShift) -> Alarm:
    return lambda generator: image_alarm(images, beside_train(images, rows, generator, shift), rules)


def of_texts(texts: Texts, rows: int, rules: Monitoring, shift: TextShift) -> Alarm:
    return lambda generator: text_alarm(texts, texts_beside_train(texts, rows, generator, shift), rules)


def unshifted(images: Images, texts: Texts, rules: Monitoring, rows: int) -> Iterator[tuple[str, Alarm]]:
    """Where nothing can have shifted: batch, train and val are parts of one whole."""
    yield "digits, labelled, no shift", partial(no_shift_of_images, images, rows, rules, True)
    yield "digits, not labelled, no shift", partial(no_shift_of_images, images, rows, rules, False)
    yield "dates with targets, no shift", partial(no_shift_of_texts, texts, rows, rules)


def no_shift_of_images(images: Images, rows: int, rules: Monitoring, labelled: bool, generator: Generator) -> bool:
    return image_alarm(images, same_images(images, rows, generator, with_labels=labelled), rules)


def no_shift_of_texts(texts: Texts, rows: int, rules: Monitoring, generator: Generator) -> bool:
    return text_alarm(texts, same_texts(texts, rows, generator, with_targets=True), rules)


def shifted_images(images: Images, rules: Monitoring, rows: int) -> Iterator[tuple[str, Alarm]]:
    for name, (shift, with_labels) in IMAGE_SHIFTS.items():
        yield name, of_images(images, rows, rules, shifted(shift, with_labels=with_labels))


def new_classes(strange: NewClass, rules: Monitoring, rows: int) -> Iterator[tuple[str, Alarm]]:
    for share in (0.05, 0.1, 0.2):
        name = f"a new class in {share:.0%} of the rows, not labelled"
        yield name, of_images(strange.images, rows, rules, strange.shift(share))


def new_locales(
    texts: Texts, foreign: Mapping[str, TextBatch], rules: Monitoring, rows: int
) -> Iterator[tuple[str, Alarm]]:
    for what, found in foreign.items():
        for share in (0.05, 0.2):
            name = f"a new locale in {share:.0%} of the rows: {what}"
            yield name, of_texts(texts, rows, rules, new_locale(found, share))


def shifted_texts(texts: Texts, rules: Monitoring, rows: int) -> Iterator[tuple[str, Alarm]]:
    for share in (0.05, 0.2):
        yield f"{share:.0%} of the targets swapped", of_texts(texts, rows, rules, swapped_targets(texts.model, share))


if __name__ == "__main__":
    main()
