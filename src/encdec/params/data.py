"""The sections `images` and `pairs`: sources of data, how they are split, and what is expected of them."""

import re
from collections import Counter
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from encdec.params.section import Name, PositiveInt, Probability, Section, Size

Severity = Literal["error", "warning"]
SPLITS = ("train", "val", "test")
Side = Annotated[int, Field(ge=1, le=8192)]
"""Of an image, in pixels."""


def check_sha256(value: str) -> str:
    if re.fullmatch(r"[0-9a-f]{64}", value) is None:
        raise ValueError(f"{value[:80]!r}: should be a SHA-256: 64 hexadecimal digits in small letters")
    return value


Sha256 = Annotated[str, AfterValidator(check_sha256)]


class Split(Section):
    """The share of each split; they add up to 1."""

    train: Probability
    val: Probability
    test: Probability

    @model_validator(mode="after")
    def check_sum(self) -> Self:
        total = self.train + self.val + self.test
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"train + val + test must be 1, not {total:g}")
        if min(self.train, self.val, self.test) <= 0:
            raise ValueError("each of train, val and test must be above 0")
        return self

    def shares(self) -> dict[str, float]:
        return {"train": self.train, "val": self.val, "test": self.test}


class Check(Section):
    severity: Severity


class TolerantCheck(Check):
    """`tolerance`: the share of rows that may fail."""

    tolerance: Probability


class RowCount(Check):
    min_rows: PositiveInt
    max_rows: PositiveInt


class ClassBalance(Check):
    """`min_share`: the least share of a class, as a part of the share that it would have if all were equal."""

    min_share: Probability


class ImageSize(TolerantCheck):
    min_side: PositiveInt
    max_side: PositiveInt


class Channels(TolerantCheck):
    allowed: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]


class LengthRatio(TolerantCheck):
    max_ratio: Annotated[float, Field(ge=1.0)]


class ImageChecks(Section):
    schema_: Annotated[Check, Field(alias="schema")]
    types: Check
    row_count: RowCount
    declared_labels: TolerantCheck
    class_balance: ClassBalance
    image_size: ImageSize
    channels: Channels
    constant_images: TolerantCheck
    pixel_range: TolerantCheck
    duplicates: TolerantCheck
    leakage: TolerantCheck
    split_proportions: TolerantCheck


class PairChecks(Section):
    schema_: Annotated[Check, Field(alias="schema")]
    types: Check
    row_count: RowCount
    empty_texts: TolerantCheck
    long_texts: TolerantCheck
    unseen_characters: TolerantCheck
    control_characters: TolerantCheck
    length_ratio: LengthRatio
    duplicates: TolerantCheck
    leakage: TolerantCheck
    split_proportions: TolerantCheck


class Digits(Section):
    split: Split
    validation: ImageChecks

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1, 8, 8)

    @property
    def num_classes(self) -> int | None:
        return 10


class Mnist(Section):
    val_fraction: Annotated[float, Field(gt=0.0, lt=1.0)]
    validation: ImageChecks

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1, 28, 28)

    @property
    def num_classes(self) -> int | None:
        return 10


class IdxDigests(Section):
    """SHA-256 of decompressed bytes, as the user states them for a mirror; null: the published digest counts."""

    train_images: Sha256 | None
    train_labels: Sha256 | None
    t10k_images: Sha256 | None
    t10k_labels: Sha256 | None


class MnistLike(Mnist):
    """A data set in MNIST's form of which only the digests of the packed files are published."""

    sha256: IdxDigests


Batches = Annotated[int, Field(ge=0)]
"""How many of the batches that came after the base data are used, the newest ones; 0: all."""


class Folder(Section):
    index: str | None
    batches: Batches
    height: Side
    width: Side
    channels: Literal[1, 3]
    classes: Annotated[tuple[Name, ...], Field(min_length=1)] | None
    max_rejected: Probability
    split: Split
    validation: ImageChecks

    @model_validator(mode="after")
    def check_classes(self) -> Self:
        twice = sorted(name for name, count in Counter(self.classes or ()).items() if count > 1)
        if twice:
            raise ValueError(f"classes names {', '.join(map(repr, twice))} more than once")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.channels, self.height, self.width)

    @property
    def num_classes(self) -> int | None:
        """None where only the images will tell."""
        return None if self.classes is None else len(self.classes)


ImageSource = Digits | Mnist | MnistLike | Folder


class ImageSources(Section):
    digits: Digits
    mnist: Mnist
    fashion_mnist: Annotated[MnistLike, Field(alias="fashion-mnist")]
    kmnist: MnistLike
    folder: Folder


class Images(Section):
    enabled: bool
    source: Literal["digits", "mnist", "fashion-mnist", "kmnist", "folder"]
    sources: ImageSources

    @property
    def selected(self) -> ImageSource:
        match self.source:
            case "digits":
                return self.sources.digits
            case "mnist":
                return self.sources.mnist
            case "fashion-mnist":
                return self.sources.fashion_mnist
            case "kmnist":
                return self.sources.kmnist
            case "folder":
                return self.sources.folder

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a prepared image."""
        return self.selected.shape


Tokens = Literal["characters", "words", "bpe"]


class Tokenization(Section):
    source: Tokens
    target: Tokens
    max_vocab_size: Annotated[int, Field(ge=8)]


class MaxCharacters(Section):
    source: PositiveInt
    target: PositiveInt


class Dates(Section):
    locales: Annotated[tuple[str, ...], Field(min_length=1)]
    first_year: Annotated[int, Field(ge=1000, le=9999)]
    last_year: Annotated[int, Field(ge=1000, le=9999)]
    rows: PositiveInt
    split: Split
    tokens: Tokenization
    max_characters: MaxCharacters
    validation: PairChecks

    @model_validator(mode="after")
    def check_years(self) -> Self:
        if self.first_year > self.last_year:
            raise ValueError(f"first_year {self.first_year} must not be after last_year {self.last_year}")
        return self


class Cmudict(Section):
    stress: bool
    split: Split
    tokens: Tokenization
    max_characters: MaxCharacters
    validation: PairChecks


Language = Literal["en", "de", "fr", "cs"]


class Multi30k(Section):
    source_language: Language
    target_language: Language
    tokens: Tokenization
    max_characters: MaxCharacters
    validation: PairChecks

    @model_validator(mode="after")
    def check_languages(self) -> Self:
        if self.source_language == self.target_language:
            others = ", ".join(language for language in get_args(Language) if language != self.source_language)
            told = f"source_language and target_language are both {self.source_language}"
            raise ValueError(f"{told}: set one of them to another language ({others})")
        return self


class Table(Section):
    file: Name
    batches: Batches
    source_column: Name
    target_column: Name
    slice_column: Name | None
    max_rejected: Probability
    split: Split
    tokens: Tokenization
    max_characters: MaxCharacters
    validation: PairChecks

    @model_validator(mode="after")
    def check_columns(self) -> Self:
        if self.source_column == self.target_column:
            raise ValueError(f"source_column and target_column are both {self.source_column!r}")
        return self


PairSource = Dates | Cmudict | Multi30k | Table


class PairSources(Section):
    dates: Dates
    cmudict: Cmudict
    multi30k: Multi30k
    table: Table


class Pairs(Section):
    enabled: bool
    source: Literal["dates", "cmudict", "multi30k", "table"]
    sources: PairSources

    @property
    def selected(self) -> PairSource:
        match self.source:
            case "dates":
                return self.sources.dates
            case "cmudict":
                return self.sources.cmudict
            case "multi30k":
                return self.sources.multi30k
            case "table":
                return self.sources.table


class Evaluation(Section):
    batch_size: PositiveInt
    bootstrap_resamples: Size
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)]
    top_k: PositiveInt
    calibration_bins: Size
    importance_samples: Size


class TuningRules(Section):
    """How every study searches; the budget of each is the model's own `tuning`."""

    sampler: Literal["tpe", "random"]
    startup_trials: Annotated[int, Field(ge=0)]
    pruner: Literal["median", "none"]


class Tracking(Section):
    experiment: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^\S([^\n\r]*\S)?$")]
