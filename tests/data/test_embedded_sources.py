"""The default sources, whole, as the pipeline ingests them: `digits` and `dates`."""

import json
import re
import unicodedata
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from encdec.params.loading import load_params
from encdec.params.root import Params
from encdec.sources.ingest import ingest_images, ingest_pairs
from encdec.sources.reading import iter_images

# Months as they stand in full dates, from dictionaries and grammars (Russian in the genitive), January first.
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "bn": "জানুয়ারী ফেব্রুয়ারী মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
}
# One long form each, as a person of that language reads it: the groups are day, month, year, or year, month, day.
FULL = {
    "en": r"(?:\w+day, )?(?P<month>\w{3,}) (?P<day>\d+), (?P<year>\d+)",
    "de": r"(?:\w+tag|\w+woch|Sonnabend)?,? ?(?P<day>\d+)\. (?P<month>\w+) (?P<year>\d+)",
    "fr": r"(?:\w+ )?(?P<day>\d+) (?P<month>\w+) (?P<year>\d+)",
    "es": r"(?:\w+, )?(?P<day>\d+) de (?P<month>\w+) de (?P<year>\d+)",
    "ru": r"(?:\w+, )?(?P<day>\d+) (?P<month>\w+) (?P<year>\d+)\sг\.",
    "tr": r"(?P<day>\d+) (?P<month>\w+) (?P<year>\d+)(?: \w+)?",
    "ar": r"(?:\w+، )?(?P<day>\d+) (?P<month>\w+) (?P<year>\d+)",
    "bn": r"(?:\S+, )?(?P<day>\d+) (?P<month>\S+), (?P<year>\d+)",
    "ja": r"(?P<year>\d+)年(?P<month>\d+)月(?P<day>\d+)日(?:.曜日|\(.\))?",
    "ko": r"(?P<year>\d+)년 (?P<month>\d+)월 (?P<day>\d+)일(?: .요일| \(.\))?",
    "zh": r"(?P<year>\d+)年(?P<month>\d+)月(?P<day>\d+)日(?:星期.|周.)?",
}
# Western digits, and those of a script that is always written with its own.
DIGITS = {"ar": "٠١٢٣٤٥٦٧٨٩", "fa": "۰۱۲۳۴۵۶۷۸۹", "bn": "০১২৩৪৫৬৭৮৯", "mr": "०१२३४५६७८९"}


@pytest.fixture(scope="module")
def params(root: Path) -> Params:
    return load_params(root / "params.yaml").params


@pytest.fixture(scope="module")
def dates(params: Params, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    out = tmp_path_factory.mktemp("dates")
    ingest_pairs(params.pairs.model_copy(update={"source": "dates"}), user_dir=out, out=out)
    return pd.read_parquet(out / "manifest.parquet")


def test_there_are_as_many_distinct_pairs_as_asked_for(dates, params):
    assert len(dates) == params.pairs.sources.dates.rows >= 20_000
    assert len(set(zip(dates.source, dates.target, strict=True))) == len(dates)
    assert dates["sample"].is_unique


def test_every_locale_has_the_same_share(dates, params):
    counts = Counter(dates.slice)
    assert set(counts) == set(params.pairs.sources.dates.locales)
    assert len(counts) >= 12
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_text_has_one_right_answer(dates):
    assert dates.source.is_unique
    assert (dates.source == dates.source.map(lambda text: unicodedata.normalize("NFC", text))).all()


def test_targets_are_iso_dates_in_the_declared_years(dates, params):
    years = {date.fromisoformat(target).year for target in dates.target}
    assert dates.target.str.fullmatch(r"\d{4}-\d{2}-\d{2}").all()
    assert min(years) == params.pairs.sources.dates.first_year
    assert max(years) == params.pairs.sources.dates.last_year


def test_no_target_stands_in_two_splits(dates):
    assert dates.groupby("target").split.nunique().max() == 1
    targets = {split: set(rows.target) for split, rows in dates.groupby("split")}
    assert not targets["test"] & (targets["train"] | targets["val"])
    assert not targets["train"] & targets["val"]


def test_the_splits_have_their_shares(dates, params):
    for split, share in params.pairs.sources.dates.split.shares().items():
        assert (dates.split == split).mean() == pytest.approx(share, abs=0.01)


def test_every_year_is_written_in_full_in_the_digits_of_its_language(dates):
    for row in dates.itertuples():
        year = row.target[:4].translate(str.maketrans("0123456789", DIGITS.get(row.slice, "0123456789")))
        assert year in row.source


@pytest.mark.parametrize("locale", FULL)
def test_long_forms_read_back_as_their_targets(dates, locale):
    months = MONTHS[locale].split() if locale in MONTHS else [str(month) for month in range(1, 13)]
    names = {unicodedata.normalize("NFC", name): number for number, name in enumerate(months, start=1)}
    read = 0
    for row in dates[dates.slice == locale].itertuples():
        found = re.fullmatch(FULL[locale], row.source)
        if found and found["month"] in names:  # else a short form
            # int() reads the digits of every script.
            assert date(int(found["year"]), names[found["month"]], int(found["day"])).isoformat() == row.target
            read += 1
    assert read > 300


def test_weekdays_are_right(dates):
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    english = dates[(dates.slice == "en") & dates.source.str.contains("day,")]
    assert len(english) > 100
    for row in english.itertuples():
        assert row.source.startswith(days[date.fromisoformat(row.target).weekday()])


def test_digits_are_whole_and_as_scikit_learn_has_them(params, tmp_path):
    from sklearn.datasets import load_digits

    images = params.images.model_copy(update={"source": "digits"})
    ingest_images(images, user_dir=tmp_path, out=tmp_path)
    rows = pd.read_parquet(tmp_path / "manifest.parquet")
    reference = load_digits()
    assert len(rows) == 1797
    assert [int(label) for label in rows.label] == reference.target.tolist()
    pixels = np.stack(list(iter_images(tmp_path, images)))
    assert (pixels[:, :, :, 0] == reference.images).all()
    assert rows.pixel_max.max() == 16 == json.loads((tmp_path / "source.json").read_text())["pixel_max"]
    np.testing.assert_allclose(rows.pixel_std, reference.data.std(axis=1), rtol=1e-12)
    assert rows.groupby("content_hash").split.nunique().max() == 1
