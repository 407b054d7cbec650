import struct

import numpy as np
import pytest

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
        (b"\x1f\x8b\x08\x00rest", "images: starts with 1f 8b 08 00"),
        (b"\0\0\x0d\x03" + bytes(12), "images: starts with 00 00 0d 03"),  # floats
        (idx(range(4)), "images: starts with 00 00 08 01"),  # one axis
        (b"\0\0\x08\x03" + bytes(5), "images: ends after 9 bytes, inside its header of 16"),
        (idx(range(11), lengths=(2, 3, 2)), "images: has 11 values, but its header says 2 x 3 x 2 = 12"),
        (idx(range(13), lengths=(2, 3, 2)), "images: has 13 values, but its header says 2 x 3 x 2 = 12"),
        (idx([], lengths=(2**32 - 1,) * 3), "images: has 0 values, but its header says 4294967295 x"),
    ],
)
def test_a_file_that_is_no_whole_idx_file_is_refused(tmp_path, content, message):
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "images", axes=3)


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
