import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from encdec.sources.idx import read_idx
from encdec.sources.mnist import MNIST, samples


def idx(array, *, lengths=None):
    array = np.asarray(array, np.uint8)
    lengths = array.shape if lengths is None else lengths
    return struct.pack(f">BBBB{len(lengths)}I", 0, 0, 8, len(lengths), *lengths) + array.tobytes()


def test_values_come_in_row_order_with_lengths_from_the_header(tmp_path):
    (tmp_path / "images").write_bytes(idx(range(12), lengths=(2, 3, 2)))
    images = read_idx(tmp_path / "images", axes=3)
    assert images.dtype == np.uint8
    assert images.tolist() == [[[0, 1], [2, 3], [4, 5]], [[6, 7], [8, 9], [10, 11]]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"images: starts with nothing, .* with 00 00 08 03"),
        (b"\x1f\x8b\x08\x00rest", r"images: starts with 1f 8b 08 00 \(gzip: decompress it\), an IDX file of unsigned"),
        (b"\0\0\x08", r"images: starts with 00 00 08, an IDX file"),
        (b"PNG" + bytes(20), r"images: starts with 50 4e 47 00, an IDX file"),
        (b"\0\0\x0d\x03" + bytes(12), r"images: starts with 00 00 0d 03 \(IDX: 32-bit float, axes: 3\)"),
        (b"\0\0\x07\x03" + bytes(12), r"images: starts with 00 00 07 03 \(IDX: an unknown type, axes: 3\)"),
        (idx(range(4)), r"images: starts with 00 00 08 01 \(IDX: unsigned bytes, axes: 1\)"),
        (b"\0\0\x08\x03" + bytes(5), "images: ends after 9 bytes, inside its header of 16; get it again"),
        (idx(range(11), lengths=(2, 3, 2)), "images: has 11 values, but its header says 2 x 3 x 2 = 12: it is cut off"),
        (idx(range(13), lengths=(2, 3, 2)), "says 2 x 3 x 2 = 12: it has something behind its values; get it again"),
        (idx([], lengths=(2**32 - 1,) * 3), "images: has 0 values, but its header says 4294967295 x"),
        (idx([], lengths=(0, 2**32 - 1, 2**32 - 1)), "images: holds no value: its header says 0 x 4294967295 x"),
        (idx([], lengths=(0, 28, 28)), "images: holds no value: its header says 0 x 28 x 28"),
    ],
)
def test_a_file_that_is_no_whole_idx_file_is_refused(tmp_path, content, message):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "images", axes=3)


def test_a_header_that_claims_more_than_the_file_has_takes_no_memory(tmp_path):
    (tmp_path / "images").write_bytes(idx([], lengths=(2**31, 2**10, 2**10)))  # two petabytes
    tracemalloc.start()
    with pytest.raises(ValueError, match="has 0 values"):
        read_idx(tmp_path / "images", axes=3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000, "a file's buffer and an error, but no array"


@pytest.mark.parametrize("change", ["cut", "grown"])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, change):
    path = tmp_path / "images"
    path.write_bytes(idx(range(200), lengths=(2, 10, 10)))
    stat = os.fstat

    def then_changed(descriptor):
        found = stat(descriptor)
        with path.open("r+b") as file:
            file.truncate(100 if change == "cut" else 1000)
        return found

    monkeypatch.setattr("encdec.sources.idx.os.fstat", then_changed)
    with pytest.raises(ValueError, match="images: changed while it was read; try again when nothing writes to it"):
        read_idx(path, axes=3)


@given(arrays(np.uint8, array_shapes(min_dims=1, max_dims=3, max_side=6)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_array_comes_back_as_it_was_written(tmp_path, array):
    (tmp_path / "array").write_bytes(idx(array))
    read = read_idx(tmp_path / "array", axes=array.ndim)
    np.testing.assert_array_equal(read, array, strict=True)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: b"\0\0\x08\x03\0\0\0" + rest)), st.sampled_from([1, 3]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_an_array_or_a_refusal_that_names_the_file(tmp_path, data, axes):
    (tmp_path / "some-idx").write_bytes(data)
    refused = None
    try:
        read = read_idx(tmp_path / "some-idx", axes=axes)
    except ValueError as error:
        refused = error
    if refused is None:
        assert data == idx(read)
    else:
        assert type(refused) is ValueError, "of the library's own, and not one that came through"
        assert str(refused).startswith("some-idx: ")


@pytest.fixture
def files(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx([[[1, 2]], [[3, 4]], [[5, 6]]]))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx([7, 8, 9]))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx([[[9, 9]]]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx([0]))
    return tmp_path


def test_mnist_keeps_its_test_split_and_leaves_the_rest_to_the_content(files):
    found = list(samples(files, MNIST))
    assert [(sample.sample, sample.label, sample.split) for sample in found] == [
        ("train/00000", "7", None),
        ("train/00001", "8", None),
        ("train/00002", "9", None),
        ("t10k/00000", "0", "test"),
    ]
    assert found[1].pixels.tolist() == [[[3], [4]]]  # (H, W, C) = (1, 2, 1)


def test_mnist_refuses_labels_for_another_number_of_images(files):
    (files / "train-labels-idx1-ubyte").write_bytes(idx([7, 8]))
    with pytest.raises(ValueError, match="train has 3 images and 2 labels"):
        list(samples(files, MNIST))
