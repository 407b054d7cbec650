"""`multi30k` of small files, which the test writes; whole and real it is in tests/data/test_real_sources.py."""

from itertools import product
from typing import get_args

import pytest

from encdec.params.data import Language, Multi30k
from encdec.sources.download import DownloadError
from encdec.sources.ingest import ingest_pairs
from encdec.sources.manifest import pair_manifest
from encdec.sources.multi30k import SHA256, STEMS, public_file, read_captions

# As published, of the .gz files; train, val and test_2016_flickr of each language.
PUBLISHED_SHA256 = """
en d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f
en 14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28
en 611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9
de 726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6
de f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a
de 9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8
fr 622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c
fr ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9
fr 6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90
cs a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077
cs b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc
cs 200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1
"""
TEXTS = {
    "train.fr": "Un chien.\nDeux  chats \u2028 noirs. \n",
    "train.cs": "Pes.\n\tDv\u011b \u010dern\u00e9 ko\u010dky.\n",
    "val.fr": "Un chien.\n",
    "val.cs": "Jeden pes.\n",
    "test_2016_flickr.fr": "Trois e\u0301le\u0300ves.",
    "test_2016_flickr.cs": "T\u0159i \u017e\u00e1ci.",
}


@pytest.fixture
def files(tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


@pytest.fixture
def section(pairs_of):
    return pairs_of("multi30k", source_language="fr", target_language="cs").selected


def test_every_file_has_its_pinned_address_and_its_published_digest():
    stems = list(STEMS.values())
    published = [line.split() for line in PUBLISHED_SHA256.split("\n") if line]
    assert len(SHA256) == len(published) == 12
    for number, (language, digest) in enumerate(published):
        wanted = public_file(stems[number % 3], language)
        assert wanted.file == f"{stems[number % 3]}.{language}.gz"
        assert wanted.digest == ("SHA-256", digest, True)
        commit = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
        assert wanted.url == f"https://raw.githubusercontent.com/multi30k/dataset/{commit}/data/task1/raw/{wanted.file}"


def test_any_two_languages_make_a_pair_and_one_language_none(section):
    values = section.model_dump(by_alias=True)
    for source, target in product(get_args(Language), repeat=2):
        chosen = values | {"source_language": source, "target_language": target}
        if source != target:
            assert Multi30k.model_validate(chosen).target_language == target
        else:
            with pytest.raises(ValueError, match=f"are both {source}: set one of them to another language"):
                Multi30k.model_validate(chosen)


def test_a_line_is_a_sample_in_the_split_of_its_file(files, section):
    found = [(one.sample, one.group, one.source, one.target, one.split) for one in read_captions(section, files)]
    assert found == [
        ("train/00000", "Un chien.", "Un chien.", "Pes.", "train"),
        ("train/00001", "Deux  chats \u2028 noirs.", "Deux  chats \u2028 noirs.", "Dvě černé kočky.", "train"),
        ("val/00000", "Un chien.", "Un chien.", "Jeden pes.", "val"),
        ("test/00000", "Trois e\u0301le\u0300ves.", "Trois e\u0301le\u0300ves.", "Tři žáci.", "test"),
    ]


def test_the_manifest_keeps_the_source_s_own_splits(files, section):
    rows = pair_manifest(read_captions(section, files), shares={"train": 0.1, "val": 0.8, "test": 0.1})
    assert rows.split.tolist() == ["train", "train", "val", "test"]
    assert rows.source[3] == "Trois élèves."  # NFC
    assert rows.source_characters[3] == 13


def test_files_of_different_lengths_are_refused(files, section):
    (files / "val.cs").write_bytes(b"Pes.\nPes.\n")
    with pytest.raises(ValueError, match=r"multi30k: val\.fr has 1 lines, but val\.cs has 2"):
        list(read_captions(section, files))


def test_a_mirror_with_another_file_is_refused(tmp_path, pairs_of, out, user_dir, monkeypatch):
    monkeypatch.setenv("ENCDEC_MIRROR", str(tmp_path))
    (tmp_path / "multi30k").mkdir()
    (tmp_path / "multi30k" / "train.fr.gz").write_bytes(b"Un chien.\n")
    pairs = pairs_of("multi30k", source_language="fr", target_language="cs")
    with pytest.raises(DownloadError) as caught:
        ingest_pairs(pairs, user_dir=user_dir, out=out)
    assert f"{tmp_path}/multi30k/train.fr.gz: found a file of 10 bytes with SHA-256 " in str(caught.value)
    assert f"expected a file whose packed bytes have SHA-256 {SHA256['train.fr']}" in str(caught.value)
    assert "put the original one there, byte for byte" in str(caught.value)
