"""Image files of every kind: pixels worked out by hand, or a refusal with its reason, and nothing else."""

import struct
import subprocess
import sys
import warnings
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from encdec.sources.decoding import FORMATS, MAX_PIXELS, ImageError, decode_image

GREY = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40  # 2 high, 3 wide
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)  # 4,096 bytes, stored in no fewer
COLOUR = np.arange(18, dtype=np.uint8).reshape(2, 3, 3) * 14


def stored(image, kind="PNG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width, height, *, bits=8, colours=0, rows=b"", more=b""):
    """A PNG by hand, whatever its header claims. `colours`: 0 grey, 2 RGB, 4 grey and alpha, 6 RGB and alpha."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def refusal(data, name="cats/a.png"):
    with pytest.raises(ImageError) as caught:
        decode_image(data, name=name)
    assert str(caught.value) == f"{name}: {caught.value.detail}"
    return caught.value


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_grey_images_have_one_channel_and_their_own_values(kind):
    pixels = decode_image(stored(Image.fromarray(GREY), kind), name="a")
    assert pixels.tolist() == GREY[:, :, np.newaxis].tolist()


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})])
def test_coloured_images_have_three_channels_and_their_own_values(kind, options):
    pixels = decode_image(stored(Image.fromarray(COLOUR), kind, **options), name="a")
    assert pixels.tolist() == COLOUR.tolist()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_with_its_size(kind):
    assert decode_image(stored(Image.fromarray(COLOUR), kind), name="a").shape == (2, 3, 3)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (1, 1), 1), [255]),
        (Image.new("LA", (1, 1), (9, 7)), [9, 9, 9, 7]),
        (Image.new("RGBA", (1, 1), (1, 2, 3, 4)), [1, 2, 3, 4]),
        (Image.new("RGB", (1, 1), (10, 20, 30)).quantize(2), [10, 20, 30]),  # a palette
    ],
    ids=["black and white", "grey with transparency", "colour with transparency", "palette"],
)
def test_other_kinds_of_pixels(image, expected):
    assert decode_image(stored(image), name="a").tolist() == [[expected]]


@pytest.mark.parametrize(("kind", "options"), [("TIFF", {}), ("JPEG", {"quality": 100})])
def test_the_inks_of_a_printer_become_colours(kind, options):
    # cyan, magenta, yellow, black: no cyan, all magenta and yellow is red; no ink at all is white
    image = Image.new("CMYK", (16, 8), (0, 255, 255, 0))
    image.paste((0, 0, 0, 0), (8, 0, 16, 8))
    pixels = decode_image(stored(image, kind, **options), name="a")
    assert pixels.shape == (8, 16, 3)
    assert pixels[4, 2].tolist() == [255, 0, 0]
    assert pixels[4, 13].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("image", "transparent", "expected"),
    [
        (Image.new("L", (1, 1), 9), 9, [9, 9, 9, 0]),
        (Image.new("L", (1, 1), 9), 8, [9, 9, 9, 255]),
        (Image.new("RGB", (1, 1), (9, 8, 7)), (9, 8, 7), [9, 8, 7, 0]),
        (Image.new("RGB", (1, 1), (10, 20, 30)).quantize(2), 0, [10, 20, 30, 0]),
        (Image.new("RGB", (1, 1), (10, 20, 30)).quantize(2), b"\x55", [10, 20, 30, 0x55]),
    ],
    ids=["grey", "another grey", "colour", "palette", "palette in part"],
)
def test_one_colour_that_means_transparent_is_transparent(image, transparent, expected):
    with warnings.catch_warnings(action="error"):
        assert decode_image(stored(image, transparency=transparent), name="a").tolist() == [[expected]]


# What a viewer does with rows (0 1 2), (3 4 5) stored by a camera held in each of the eight ways (EXIF 2.3, tag 274).
TURNED = {
    1: [[0, 1, 2], [3, 4, 5]],
    2: [[2, 1, 0], [5, 4, 3]],
    3: [[5, 4, 3], [2, 1, 0]],
    4: [[3, 4, 5], [0, 1, 2]],
    5: [[0, 3], [1, 4], [2, 5]],
    6: [[3, 0], [4, 1], [5, 2]],
    7: [[5, 2], [4, 1], [3, 0]],
    8: [[2, 5], [1, 4], [0, 3]],
    9: [[0, 1, 2], [3, 4, 5]],  # there is no ninth way
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(("orientation", "expected"), TURNED.items())
def test_a_photo_is_turned_upright(kind, orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = decode_image(stored(Image.fromarray(GREY), kind, exif=exif, lossless=True), name="a")
    assert (pixels[:, :, 0] // 40).tolist() == expected


def test_broken_exif_data_beside_whole_pixels_are_no_fault_and_no_noise():
    broken = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 9) + struct.pack("<HHI", 0x0112, 3, 1)  # 1 of 9, cut off
    data = stored(Image.fromarray(COLOUR), "JPEG", exif=broken)
    with pytest.warns(UserWarning, match="Corrupt EXIF data"), Image.open(BytesIO(data)) as image:
        image.getexif()
    with warnings.catch_warnings(action="error"):
        pixels = decode_image(data, name="a")
    assert pixels.tolist() == decode_image(stored(Image.fromarray(COLOUR), "JPEG"), name="a").tolist()


def test_the_main_picture_of_a_phone_is_read():
    main, preview = Image.new("RGB", (16, 16), (200, 0, 0)), Image.new("RGB", (4, 4))
    assert decode_image(stored(main, "MPO", save_all=True, append_images=[preview]), name="a").shape == (16, 16, 3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no image at all",
        bytes(range(256)) * 8,
        stored(Image.fromarray(NOISE))[:3000],
        stored(Image.fromarray(np.zeros((64, 64), np.uint8)), "JPEG")[:-200],
        stored(Image.new("L", (2, 2)), "ICO"),
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    ],
    ids=["empty", "text", "bytes", "cut PNG", "cut JPEG", "icon", "drawing"],
)
def test_what_is_no_image_is_refused(data):
    found = refusal(data)
    assert found.reason == "unreadable image"
    assert str(found).startswith("cats/a.png: cannot be read as an image")
    assert str(found).endswith("; replace or remove it")
    assert "0x" not in str(found), "an address in memory would make an out of every run another one"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_is_refused_with_the_number_of_its_frames(kind):
    frames = [Image.new("L", (4, 4), level) for level in (0, 100, 200)]
    found = refusal(stored(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert (found.reason, found.detail) == (
        "several frames",
        "has 3 frames, expected one; save the one that you want in its place",
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (stored(Image.new("I;16", (2, 2))), "16 bits per channel"),
        (stored(Image.new("I;16", (2, 2)), "TIFF"), "pixels of the kind I;16"),
        (stored(Image.new("F", (2, 2)), "TIFF"), "pixels of the kind F"),
        (stored(Image.new("I", (2, 2)), "TIFF"), "pixels of the kind I"),
        (png(2, 2, bits=16, colours=2, rows=bytes(26)), "16 bits per channel"),  # Pillow alone would drop half of each
        (png(2, 2, bits=16, colours=4, rows=bytes(18)), "16 bits per channel"),
        (png(2, 2, bits=16, colours=6, rows=bytes(34)), "16 bits per channel"),
    ],
    ids=["PNG", "TIFF", "float", "32 bits", "RGB", "grey and alpha", "RGB and alpha"],
)
def test_more_than_eight_bits_are_refused_and_the_way_to_convert_is_told(data, told):
    found = refusal(data)
    assert found.reason == "more than 8 bits"
    assert found.detail.startswith(f"has {told}, expected 8 bits; ")
    assert "-depth 8" in found.detail


def test_sixteen_bits_for_all_three_colours_together_are_few_enough():
    # A BMP with 5, 6 and 5 bits: 0xf800 is red, 0x07e0 green. The rows are padded to four bytes.
    pixels = struct.pack("<HH", 0xF800, 0x07E0)
    masks = struct.pack("<III", 0xF800, 0x07E0, 0x001F)
    info = struct.pack("<IiiHHIIiiII", 40, 2, 1, 1, 16, 3, len(pixels), 0, 0, 0, 0) + masks
    data = b"BM" + struct.pack("<IHHI", 14 + len(info) + len(pixels), 0, 0, 14 + len(info)) + info + pixels
    assert decode_image(data, name="a").tolist() == [[[255, 0, 0], [0, 255, 0]]]


@pytest.mark.parametrize(
    ("side", "told"),
    [
        (8193, "has 8,193 x 8,193 pixels"),
        (9500, "has 9,500 x 9,500 pixels"),  # of which Pillow only warns
        (20000, "has many more pixels"),  # which Pillow refuses
        (2**31 - 1, "has many more pixels"),
    ],
)
def test_more_pixels_than_memory_should_hold_are_refused(side, told):
    with warnings.catch_warnings(action="error"):
        found = refusal(png(side, side, bits=1))
    assert found.reason == "too many pixels"
    assert found.detail == f"{told}, expected at most {MAX_PIXELS:,}; make it smaller"


def test_as_many_pixels_as_are_allowed_are_read():
    data = png(8192, 8192, bits=1, rows=bytes(8192 * (1 + 1024)))
    assert decode_image(data, name="a").shape == (8192, 8192, 1)


BOMB = """
import resource, sys
from encdec.sources.decoding import ImageError, decode_image
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_image(data, name="bomb")
except ImageError as error:
    print(error.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, sep=",")
"""


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "BMP", "JPEG", "WEBP"])
def test_a_decompression_bomb_is_refused_by_its_header_before_memory_is_used(kind):
    """Each file claims 300 megabytes and more; refusing it takes less than four."""
    side = 10000
    claims = {
        "PNG": png(side, side, colours=2, rows=bytes(1000)),
        "GIF": b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + b"\x2c"
        + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x4c\x01\x00\x3b",
        "TIFF": stored(Image.new("1", (side, side)), "TIFF", compression="group4"),
        "BMP": b"BM" + struct.pack("<IHHI", 2000, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(1000),
        "JPEG": stored(Image.new("L", (8, 8)), "JPEG").replace(
            b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08", b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", side, side)
        ),
        "WEBP": stored(Image.new("1", (side, side)).convert("RGB"), "WEBP", lossless=True, method=0),
    }  # fmt: skip
    assert len(claims[kind]) < 50_000
    done = subprocess.run([sys.executable, "-c", BOMB], input=claims[kind], capture_output=True, check=True)
    reason, grown = done.stdout.decode().strip().split(",")
    assert reason == "too many pixels"
    assert int(grown) < 4096, "kilobytes"


@pytest.mark.parametrize(
    ("kind", "options"), [*((kind, {}) for kind in FORMATS), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_a_file_cut_anywhere_is_refused_or_gives_the_same_pixels(kind, options):
    data = stored(Image.fromarray(NOISE[:6, :18].reshape(6, 6, 3)), kind, **options)
    whole = decode_image(data, name="a").tolist()
    refused = 0
    for end in range(len(data)):
        try:
            assert decode_image(data[:end], name="a").tolist() == whole
        except ImageError:
            refused += 1
    assert refused > 0.8 * len(data)


IMAGES = [stored(Image.fromarray(COLOUR), kind) for kind in FORMATS] + [png(2, 2, bits=16, colours=2, rows=bytes(26))]


@given(st.binary())
@example(b"\x89PNG\r\n\x1a\n")
def test_any_bytes_are_an_image_or_a_refusal(data):
    holds_its_promise(data)


@given(st.sampled_from(IMAGES), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1))
def test_an_image_with_any_of_its_bytes_changed_is_an_image_or_a_refusal(data, changes):
    changed = bytearray(data)
    for place, value in changes:
        changed[place % len(changed)] = value
    holds_its_promise(bytes(changed))


def holds_its_promise(data):
    """Pixels of a kind that everything after ingest can use, or an ImageError that names the file; no warning."""
    refused = None
    with warnings.catch_warnings(action="error"):
        try:
            pixels = decode_image(data, name="the file")
        except ImageError as error:
            refused = error
    if refused is None:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] in (1, 3, 4)
        assert pixels.size > 0
    else:
        assert str(refused).startswith("the file: ")
        assert refused.reason in ("unreadable image", "several frames", "more than 8 bits", "too many pixels")
