import re
from collections import Counter
from datetime import date
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from encdec.sources.dates import ambiguous_shapes, formats_by_locale, make_dates, scattered
from encdec.sources.ingest import ingest_pairs


@pytest.fixture
def made(pairs_of):
    def make(**changed):
        return list(make_dates(pairs_of("dates", **changed).sources.dates))

    return make


def test_locales_share_the_rows_equally_and_the_first_take_the_rest(made):
    counts = Counter(sample.slice for sample in made(locales=("en", "ko", "ar"), rows=80))
    assert counts == {"en": 27, "ko": 27, "ar": 26}


def test_fewer_rows_are_the_first_of_more(made):
    few = made(locales=("de", "fr"), rows=100)
    many = made(locales=("de", "fr"), rows=300)
    assert [row for row in many if int(row.sample.split("/")[1]) < 50] == few


def test_the_choice_is_the_same_everywhere(made):
    # Frozen on purpose: another text here means that everybody's data change.
    sources = [sample.source for sample in made(locales=("en",), rows=3)]
    assert sources == ["Sat, Aug 12, 2090", "Mon, May 11, 2048", "Wed, Dec 16, 2015"]


def test_years_stay_in_their_range_and_reach_its_ends(made):
    targets = [sample.target for sample in made(locales=("en",), rows=1400, first_year=2023, last_year=2023)]
    assert min(targets) == "2023-01-01"
    assert max(targets) == "2023-12-31"


def test_too_many_rows_are_refused_with_what_there_is(made):
    # 365 days in 4 formats, less 31: in May, "May 5, 2023" is the long and the short form (with a weekday they differ).
    with pytest.raises(ValueError, match=r"dates\.rows: 2000 rows need 2000 .* but en has 1429 that"):
        made(locales=("en",), rows=2000, first_year=2023, last_year=2023)


def test_every_possible_row_can_be_made(made):
    assert len({sample.source for sample in made(locales=("en",), rows=1429, first_year=2023, last_year=2023)}) == 1429


def test_a_text_that_two_locales_share_is_there_once(made):
    sources = [sample.source for sample in made(locales=("ja", "zh"), rows=1400, first_year=2023, last_year=2023)]
    assert len(set(sources)) == len(sources) == 1400


def test_a_text_with_two_meanings_is_left_out(made):
    # "may" is short for mayo, May, in Spanish, and for Màyɛsèp, November, in Basaa.
    shapes = ambiguous_shapes(formats_by_locale(("es", "bas")))
    assert shapes == {f"{day} may 0000" for day in range(1, 32)}
    samples = made(locales=("es", "bas"), rows=2000, first_year=2020, last_year=2022)
    assert len({sample.source for sample in samples}) == 2000
    assert not [sample.source for sample in samples if re.fullmatch(r"\d+ may \d+", sample.source)]
    alone = made(locales=("es",), rows=2000, first_year=2020, last_year=2022)
    assert [sample.source for sample in alone if re.fullmatch(r"\d+ may \d+", sample.source)]


@pytest.mark.parametrize(
    ("locales", "message"),
    [
        (("en", "klingon"), r"pairs\.sources\.dates\.locales: 'klingon' is no locale of CLDR \(did you mean kl\?\)"),
        (("en", "de", "en"), r"pairs\.sources\.dates\.locales: en is named twice"),
    ],
)
def test_a_wrong_locale_is_named(made, locales, message):
    with pytest.raises(ValueError, match=message):
        made(locales=locales)


def test_scattering_is_splitmix64():
    # The reference output of SplitMix64 from state 1234567 (Vigna's splitmix64.c): the order of these five numbers.
    reference = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert scramble(1234567, 5) == reference
    start = int.from_bytes(sha256(b"en").digest()[:8], "big")
    assert scattered(1000, key="en").tolist() == np.argsort(scramble(start, 1000)).tolist()


def scramble(state, count):
    numbers = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) % 2**64
        numbers.append(mixed ^ (mixed >> 31))
    return numbers


def test_two_ingests_write_the_same_bytes(pairs_of, tmp_path):
    pairs = pairs_of("dates", rows=200, locales=("ar", "ko"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ingest_pairs(pairs, user_dir=tmp_path, out=tmp_path / name)
    written = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two")]
    assert written[0] == written[1]
    assert set(written[0]) == {"manifest.parquet", "rejected.csv", "source.json"}


def test_the_group_is_the_date_and_the_slice_the_locale(pairs_of, out):
    ingest_pairs(pairs_of("dates", rows=200, locales=("ar", "ko")), user_dir=out, out=out)
    rows = pd.read_parquet(out / "manifest.parquet")
    assert (rows.group == rows.target).all()
    assert (rows["sample"].str.split("/").str[0] == rows.slice).all()
    assert all(date.fromisoformat(target) for target in rows.target)
