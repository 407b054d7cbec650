"""What comes from outside: the monitor's file, archives, values for params.yaml, and what a workflow is handed."""

import io
import json
import tarfile
import zipfile

import pytest

from encdec.github import hand_on
from encdec.params.loading import load_params
from encdec.retraining.batch import check_source, fetch, targets_of
from encdec.retraining.checked import InvalidData
from encdec.retraining.deciding import brought
from encdec.retraining.monitored import check_same_batch, read_monitored
from encdec.retraining.overrides import with_values
from encdec.retraining.request import Places, Request
from encdec.sources.archive import unpack
from encdec.sources.member import ContentError
from encdec.tracking.digests import dvc_digest


def test_the_monitors_file_is_read(tmp_path):
    file = tmp_path / "drift.json"
    file.write_text(
        json.dumps({"verdict": "drift", "sentence": " it \n moved. ", "batch": {"digest": "abc"}, "more": 1})
    )
    assert read_monitored(file) == ("drift", "it moved", "abc")
    file.write_text(json.dumps({"verdict": "none", "sentence": "x", "batch": ["?"]}))
    assert read_monitored(file).digest is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "holds no object"),
        ("{}", "`verdict` is None, expected one of none, drift, invalid"),
        ('{"verdict": ["drift"]}', "expected one of none, drift, invalid"),
        ('{"verdict": "drift"}', "has no `sentence`"),
        ('{"verdict": "drift", "sentence": 7}', "has no `sentence`"),
    ],
)
def test_what_is_no_file_of_the_monitor_is_told(tmp_path, text, told):
    (tmp_path / "drift.json").write_text(text)
    with pytest.raises(ValueError, match="encdec monitor") as raised:
        read_monitored(tmp_path / "drift.json")
    assert told in str(raised.value)
    with pytest.raises(ValueError, match="no such file"):
        read_monitored(tmp_path / "nowhere.json")


def test_what_the_monitor_said_of_another_batch_is_no_reason_for_this_one(tmp_path):
    batch, file = tmp_path / "may", tmp_path / "drift.json"
    write = {"verdict": "drift", "sentence": "It moved."}
    (batch / "cat").mkdir(parents=True)
    (batch / "cat" / "1.png").write_bytes(b"one")

    def monitored(digest):
        file.write_text(json.dumps({**write, "batch": {"digest": digest}}))
        return read_monitored(file)

    check_same_batch(monitored(dvc_digest(batch)), batch)
    check_same_batch(monitored(None), batch)  # of a monitor that does not say
    found = monitored(dvc_digest(batch))
    (batch / "cat" / "2.png").write_bytes(b"two")
    with pytest.raises(ValueError, match=f"^--monitor: .* looked at {found.digest}, this is {dvc_digest(batch)}"):
        check_same_batch(found, batch)


def packed(path, names):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"content")
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                entry = tarfile.TarInfo(name)
                entry.size = 7
                archive.addfile(entry, io.BytesIO(b"content"))
    return path


@pytest.mark.parametrize("name", ["b.zip", "b.tar.gz"])
def test_an_archive_is_unpacked_and_a_folder_around_everything_does_not_count(tmp_path, name):
    flat = unpack(packed(tmp_path / name, ["cat/1.png", "dog/2.png"]), tmp_path / "flat")
    assert flat == tmp_path / "flat"
    around = unpack(packed(tmp_path / name, ["may/cat/1.png", "may/dog/2.png"]), tmp_path / "around")
    assert around == tmp_path / "around" / "may"
    assert (around / "cat" / "1.png").read_bytes() == b"content"
    one_class = unpack(packed(tmp_path / name, ["cat/1.png"]), tmp_path / "one")
    assert one_class == tmp_path / "one"


@pytest.mark.parametrize("name", ["b.zip", "b.tar.gz"])
@pytest.mark.parametrize("inside", ["../evil.png", "/etc/evil.png", "cat/../../evil.png"])
def test_an_archive_cannot_write_outside(tmp_path, name, inside):
    with pytest.raises(ValueError, match="leads out of the archive"):
        unpack(packed(tmp_path / name, [inside]), tmp_path / "to" / "here")
    assert not list(tmp_path.rglob("evil.png"))


def test_links_and_damage_in_an_archive_are_told(tmp_path):
    with tarfile.open(tmp_path / "l.tar", "w") as archive:
        entry = tarfile.TarInfo("cat/1.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(ValueError, match="is no regular file"):
        unpack(tmp_path / "l.tar", tmp_path / "a")
    (tmp_path / "d.zip").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(ValueError, match="is no whole archive"):
        unpack(tmp_path / "d.zip", tmp_path / "b")


def test_where_a_batch_cannot_come_from(tmp_path):
    with pytest.raises(ValueError, match="there is no such file or folder"):
        fetch(str(tmp_path / "nowhere"), kind="images", scratch=tmp_path)
    with pytest.raises(ValueError, match="expected a path or an address that begins with one of http://"):
        fetch("ftp://somewhere/b.zip", kind="images", scratch=tmp_path)
    (tmp_path / "a.tsv").touch()
    (tmp_path / "b.tsv").touch()
    with pytest.raises(ValueError, match=r"expected one table .* found 2 of them"):
        fetch(str(tmp_path), kind="pairs", scratch=tmp_path)
    with pytest.raises(ValueError, match="expected a folder of images"):
        fetch(str(tmp_path / "a.tsv"), kind="images", scratch=tmp_path)


def asked(batch, kind="images"):
    return Request(str(batch), kind, "append", None, False, (), False, False, False)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("cut.zip", "images", "is no whole archive"),
        ("cut.zip", "pairs", "is no whole archive"),
        ("one.tsv", "images", "expected a folder of images"),
        ("one.xlsx", "pairs", r"expected one table \(.*\), found none"),
        ("two", "pairs", "found 2 of them"),
        ("none", "pairs", "found none"),
    ],
)
def test_a_batch_that_was_had_and_cannot_be_used_is_invalid_data(tmp_path, name, kind, told):
    whole = packed(tmp_path / "whole.zip", ["cat/1.png", "dog/2.png"]).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    for each in ("one.tsv", "one.xlsx", "two/a.tsv", "two/b.tsv", "none/readme"):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).touch()
    places = Places(tmp_path / "tree", tmp_path / "work")
    with pytest.raises(InvalidData, match=rf"^the batch cannot be used: .*{told}"):
        brought(places, asked(tmp_path / name, kind))


def test_a_link_in_a_batch_and_another_type_of_table_are_faults_of_the_batch(root, tmp_path):
    params = load_params(root / "params.yaml").params
    (tmp_path / "may" / "cat").mkdir(parents=True)
    (tmp_path / "may" / "cat" / "1.png").symlink_to("/etc/passwd")
    with pytest.raises(ContentError, match=r"1\.png: is a link"):
        targets_of(params.images.sources.folder, tmp_path / "may", mode="append", name="batch")
    with pytest.raises(ContentError, match=r"is to replace .*: save it as \.tsv"):
        targets_of(params.pairs.sources.table, tmp_path / "all.parquet", mode="replace", name="batch")


def test_a_batch_that_cannot_be_had_is_no_fault_of_its_data(tmp_path):
    places = Places(tmp_path / "tree", tmp_path / "work")
    for address in (tmp_path / "nowhere", "ftp://somewhere/b.zip", "http://127.0.0.1:1/may.xlsx"):
        with pytest.raises(ValueError, match=r"^--batch: ") as raised:
            brought(places, asked(address))
        assert not isinstance(raised.value, InvalidData)


def test_what_was_asked_for_is_known_again_without_being_kept():
    first = asked("https://ann:s3cret@example.org/may.zip?X-Amz-Signature=abcdef")
    assert first.key == first._replace(force=True, promote=True).key
    others = [first._replace(batch="may.zip"), first._replace(kind="pairs"), first._replace(mode="replace")]
    assert len({first.key, *(each.key for each in [*others, first._replace(values=("seed=9",))])}) == 5
    assert len(first.key) == 64
    assert not any(part in first.key for part in ("s3cret", "abcdef", "example"))


def test_a_source_that_is_published_takes_no_new_data(root):
    params = load_params(root / "params.yaml").params
    with pytest.raises(ValueError, match=r"images.source is digits.* set images.source to folder"):
        check_source(params, "images")


def test_values_are_set_and_all_else_stays(root):
    before = (root / "params.yaml").read_text()
    after = with_values(root / "params.yaml", ["models.vae.beta=2.5", "seed=9"])
    different = [pair for pair in zip(before.splitlines(), after.splitlines(), strict=True) if pair[0] != pair[1]]
    assert different == [("seed: 7", "seed: 9"), ("    beta: 1.0", "    beta: 2.5")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("models.vae.bta=2", "there is no key 'bta' (did you mean beta?)"),
        ("models.vae.beta.more=2", "there is no key 'more'"),
        ("models.vae.beta", "expected KEY=VALUE"),
        ("=2", "expected KEY=VALUE"),
        ("seed=[1", "the value is no YAML"),
    ],
)
def test_a_wrong_value_is_told(root, given, told):
    with pytest.raises(ValueError, match="--set") as raised:
        with_values(root / "params.yaml", [given])
    assert told in str(raised.value)


def test_a_text_cannot_set_another_output_of_a_workflow(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    hand_on("## Said\n", {"retrained": True, "sentence": "one\nretrained=false\nEOF\naccepted=true"})
    first, opening, *rest, closing = (tmp_path / "output").read_text().splitlines()
    assert first == "retrained=true"
    name, _, mark = opening.partition("<<")
    assert (name, closing) == ("sentence", mark)
    assert rest == ["one", "retrained=false", "EOF", "accepted=true"]
    hand_on("## Said\n", {"sentence": "again"})
    assert mark not in (tmp_path / "output").read_text().splitlines()[7:]  # nobody can know the next one
    assert (tmp_path / "summary").read_text() == "## Said\n\n## Said\n\n"
