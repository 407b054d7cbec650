"""The playground in a real browser, with really trained models: mouse, keyboard, uploads, and what it asks of whom."""

import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from ports import free_port
from trained_project import TrainedProject, shared_project
from viewing import View

from encdec.datasets.images import ImageSplit
from encdec.playground.opening import open_everything
from encdec.playground.translate import translate

pytestmark = pytest.mark.xdist_group("ui playground")  # one server for all of them

START_SECONDS = 120
SPY = """
import os, sys
def heard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["ENCDEC_HEARD"], "a") as file:
            file.write(f"{event} {arguments[1] if event == 'socket.connect' else arguments[0]}\\n")
sys.addaudithook(heard)
"""
TABS = ("Picture", "Code walk", "Noise", "Text")


class Played(NamedTuple):
    """A server under way: where it is, what it says, and whom it spoke to."""

    address: str
    process: "subprocess.Popen[bytes]"
    said: Path
    heard: Path
    temporary: Path


@pytest.fixture(scope="session")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainedProject:
    return shared_project(root, tmp_path_factory)


def play(root: Path, trained: TrainedProject, folder: Path, *, port: int) -> Played:
    """Start the real command and wait until it says where it is."""
    spy, temporary = folder / "spy", folder / "temporary"
    for path in (spy, temporary):
        path.mkdir(parents=True)
    (spy / "sitecustomize.py").write_text(SPY, encoding="utf-8")
    places = ["--models", str(trained.models), "--prepared", str(trained.prepared), "--port", str(port)]
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")},
        "PYTHONPATH": os.pathsep.join([str(root / "src"), str(spy), os.environ.get("PYTHONPATH", "")]),
        "ENCDEC_HEARD": str(folder / "heard.txt"),
        "TMPDIR": str(temporary),
    }
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "encdec.playground", *places],
            cwd=root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    until = time.monotonic() + START_SECONDS
    while (words := said.read_text(encoding="utf-8")).count("\n") == 0:
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            raise AssertionError(f"the playground did not start: it said {words!r}")
        time.sleep(0.05)
    found = re.match(r"The playground: (http://127\.0\.0\.1:\d+)/? \(Ctrl-C ends it\)\n", words)
    if found is None:
        process.kill()
        raise AssertionError(f"the playground said {words!r}")
    return Played(found[1], process, said, folder / "heard.txt", temporary)


@pytest.fixture(scope="module")
def played(root: Path, trained: TrainedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    server = play(root, trained, tmp_path_factory.mktemp("played"), port=free_port())
    yield server
    server.process.send_signal(signal.SIGINT)
    server.process.wait(30)


@pytest.fixture
def opened(view: Callable[..., View], played: Played) -> Iterator[Callable[..., View]]:
    """Opens the page and waits until the pad can be drawn on. What page and server said is shown where a test fails."""
    views = []

    def open_one(**how: object) -> View:
        shown = view(played.address, **how)
        views.append(shown)
        expect(pad(shown.page)).to_have_attribute("data-ready", "true")
        return shown

    yield open_one
    print(*(f"a page complained of {shown.errors}" for shown in views), sep="\n")
    print(f"the playground: {played.said.read_text(encoding='utf-8')}")


def complaints(shown: View) -> list[str]:
    """What the page complained of. Gradio closes its stream of answers itself when it has the last one of a call,
    which Chromium counts as a request that failed; nothing else is left out.
    """
    closed = re.compile(r"failed: http://127\.0\.0\.1:\d+/gradio_api/queue/data\?session_hash=\w+: net::ERR_ABORTED")
    return [each for each in shown.errors if not closed.fullmatch(each)]


def pad(page: Page) -> Locator:
    return page.get_by_role("application", name="Drawing pad")


def draw(page: Page, strokes: Sequence[Sequence[tuple[float, float]]]) -> None:
    """Strokes with the mouse, in shares of the pad. Each is awaited: what an event then fails to answer is not for
    want of ink.
    """
    for number, stroke in enumerate(strokes, int(pad(page).get_attribute("data-strokes") or 0) + 1):
        pad(page).hover()  # a new page lies under Gradio's own cover for a moment: this waits until it is gone
        box = pad(page).bounding_box()
        assert box is not None
        drag(page, [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke])
        expect(pad(page)).to_have_attribute("data-strokes", str(number))


def drag(page: Page, points: Sequence[tuple[float, float]]) -> None:
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()


def answer(page: Page) -> Locator:
    return page.get_by_role("tabpanel").locator(".answer bdi").locator("visible=true")


def ring() -> list[tuple[float, float]]:
    turns = [2 * math.pi * step / 24 for step in range(25)]
    return [(0.5 + 0.2 * math.sin(turn), 0.5 - 0.34 * math.cos(turn)) for turn in turns]


DIGITS = {
    "0": [ring()],
    "1": [[(0.4, 0.25), (0.52, 0.14), (0.52, 0.86)]],
    "4": [[(0.42, 0.12), (0.28, 0.55), (0.75, 0.55)], [(0.62, 0.3), (0.62, 0.9)]],
    "7": [[(0.28, 0.15), (0.72, 0.15), (0.42, 0.88)]],
}


@pytest.mark.parametrize("digit", sorted(DIGITS))
def test_a_digit_that_is_drawn_with_the_mouse_is_recognised(opened: Callable[..., View], digit: str) -> None:
    shown = opened()
    draw(shown.page, DIGITS[digit])
    expect(answer(shown.page)).to_have_text(digit)
    table = shown.page.get_by_role("table", name="Class probabilities of the CNN")
    expect(table.get_by_role("row")).to_have_count(11)
    shares = [float(text.rstrip("%")) for text in table.locator("td.number").all_inner_texts()]
    assert int(np.argmax(shares)) == int(digit)
    assert sum(shares) == pytest.approx(100, abs=0.6)  # ten numbers, each rounded to 0.1
    for words in ("what the models see", "rebuilt by the autoencoder", "rebuilt by the VAE"):
        expect(shown.page.locator("figcaption", has_text=words)).to_be_visible()
    expect(shown.page.get_by_text("Anomaly score")).to_be_visible()
    expect(shown.page.locator("#map .mark")).to_be_visible()
    assert shown.broken_images() == []
    assert complaints(shown) == []


def test_a_drawing_over_selected_text_is_a_drawing_and_no_drag(opened: Callable[..., View]) -> None:
    shown = opened()
    shown.page.keyboard.press("ControlOrMeta+a")
    assert shown.page.evaluate("getSelection().toString().length") > 0
    draw(shown.page, DIGITS["0"])
    expect(answer(shown.page)).to_have_text("0")


def test_the_ring_on_the_map_lies_inside_of_it(opened: Callable[..., View]) -> None:
    shown = opened()
    draw(shown.page, DIGITS["0"])
    mark = shown.page.locator("#map .mark")
    expect(mark).to_be_visible()
    ring_box, map_box = mark.bounding_box(), shown.page.locator("#map img.light-only").bounding_box()
    assert ring_box is not None
    assert map_box is not None
    middle = (ring_box["x"] + ring_box["width"] / 2, ring_box["y"] + ring_box["height"] / 2)
    assert map_box["x"] < middle[0] < map_box["x"] + map_box["width"]
    assert map_box["y"] < middle[1] < map_box["y"] + map_box["height"]


def test_undo_and_clear_take_strokes_away(opened: Callable[..., View]) -> None:
    shown = opened()
    draw(shown.page, DIGITS["4"])
    expect(answer(shown.page)).to_have_text("4")
    shown.page.get_by_role("button", name="Clear").click()
    expect(shown.page.get_by_role("alert")).to_contain_text("nothing is drawn yet")
    draw(shown.page, [*DIGITS["0"], [(0.05, 0.9), (0.9, 0.95)]])
    shown.page.get_by_role("button", name="Undo").click()
    expect(answer(shown.page)).to_have_text("0")
    assert complaints(shown) == []


def test_a_digit_is_drawn_with_the_keyboard_alone(opened: Callable[..., View]) -> None:
    shown = opened()
    keys = shown.page.keyboard
    reach(shown.page, pad(shown.page))
    for _ in range(10):
        keys.press("ArrowUp")
    keys.press("Space")
    expect(shown.page.get_by_role("status").filter(has_text="Pen down")).to_be_visible()
    for _ in range(20):
        keys.press("ArrowDown")
    keys.press("Space")
    expect(answer(shown.page)).to_have_text("1")
    keys.press("Delete")
    expect(shown.page.get_by_role("alert")).to_contain_text("nothing is drawn yet")


def reach(page: Page, wanted: Locator, *, most: int = 60) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {wanted}")


def test_the_keyboard_reaches_every_way_to_give_a_picture_and_a_text(opened: Callable[..., View]) -> None:
    shown = opened()
    page = shown.page
    reach(page, page.get_by_role("button", name="Upload a picture"))
    reach(page, page.get_by_role("button", name="Example 3"))
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_text("3")
    page.get_by_role("tab", name="Picture").focus()
    reach(page, page.get_by_role("tab", name="Text"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("tab", name="Text")).to_have_attribute("aria-selected", "true")
    reach(page, page.get_by_label("Text", exact=True))
    page.keyboard.type("12 March 2021")
    page.keyboard.press("Enter")
    expect(answer(page)).to_be_visible()
    assert complaints(shown) == []


def test_an_uploaded_photograph_of_a_digit_is_recognised(
    opened: Callable[..., View], trained: TrainedProject, tmp_path: Path
) -> None:
    """Dark on bright paper, large and in colours, as a telephone makes it; then a file that is no picture."""
    test = ImageSplit.open(trained.prepared / "images" / "test")
    row = int(np.flatnonzero(np.asarray(test.labels) == 6)[0])
    grey = 1 - np.asarray(test.images[row][0]) / 16
    large = np.full((900, 700), 1.0)
    large[100:740, 30:670] = grey.repeat(80, axis=0).repeat(80, axis=1)
    photograph = tmp_path / "six.jpg"
    Image.fromarray((large[..., None] * [235, 230, 210]).astype(np.uint8)).save(photograph)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    shown = opened()
    upload = shown.page.locator("input[type=file]")
    upload.set_input_files(photograph)
    expect(answer(shown.page)).to_have_text("6")
    upload.set_input_files(broken)
    expect(shown.page.get_by_role("alert")).to_contain_text("broken.png: cannot be read as an image")
    draw(shown.page, DIGITS["0"])
    expect(answer(shown.page)).to_have_text("0")
    assert complaints(shown) == []


def source_of(page: Page, tab: str, place: int) -> str:
    found: str = page.locator(f"{tab} img").nth(place).get_attribute("src") or ""
    return found


def test_a_walk_through_the_code_starts_at_the_picture_and_follows_a_slider(opened: Callable[..., View]) -> None:
    shown = opened()
    page = shown.page
    draw(page, DIGITS["0"])
    expect(answer(page)).to_have_text("0")
    page.get_by_role("tab", name="Code walk").click()
    middle = source_of(page, "#walked", 0)
    page.get_by_role("button", name="Start from my picture").click()
    expect(page.locator("#walked figcaption")).to_have_text("your picture, rebuilt")
    start = source_of(page, "#walked", 0)
    assert start != middle
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#walked figcaption")).to_have_text("decoded")
    page.wait_for_function("start => document.querySelector('#walked img').src !== start", arg=start)
    page.get_by_role("button", name="Start from the middle").click()
    page.wait_for_function("middle => document.querySelector('#walked img').src === middle", arg=middle)
    assert complaints(shown) == []


def test_a_walk_without_a_picture_says_what_to_do(opened: Callable[..., View]) -> None:
    shown = opened()
    shown.page.get_by_role("tab", name="Code walk").click()
    shown.page.get_by_role("button", name="Start from my picture").click()
    expect(shown.page.get_by_role("alert")).to_contain_text("There is no picture yet: draw one in the tab Picture.")


def psnr(page: Page, words: str) -> float:
    text = page.locator("#noise figcaption", has_text=words).inner_text()
    return float(text.split(":")[1].removesuffix(" dB"))


def test_noise_is_added_and_taken_off_again(opened: Callable[..., View]) -> None:
    shown = opened()
    page = shown.page
    page.get_by_role("tab", name="Noise").click()
    expect(page.locator("#noise img")).to_have_count(4)
    # of a Gaussian with the standard deviation 0.3 alone: -10 log10(0.09) = 10.5 dB; 64 pixels move that by 4 * 0.77
    assert psnr(page, "with noise") == pytest.approx(10.5, abs=3.1)
    assert psnr(page, "autoencoder") > psnr(page, "with noise")
    before = source_of(page, "#noise", 1)
    page.get_by_label("Masking: pixels become black").check()
    page.wait_for_function("before => document.querySelectorAll('#noise img')[1].src !== before", arg=before)
    masked = source_of(page, "#noise", 1)
    page.get_by_role("button", name="Other noise").click()
    page.wait_for_function("before => document.querySelectorAll('#noise img')[1].src !== before", arg=masked)
    page.get_by_role("tab", name="Picture").click()
    clean = source_of(page, "#noise", 0)
    draw(page, DIGITS["7"])
    expect(answer(page)).to_have_text("7")
    page.get_by_role("tab", name="Noise").click()
    page.wait_for_function("clean => document.querySelector('#noise img').src !== clean", arg=clean)
    assert complaints(shown) == []


def test_a_date_is_answered_with_its_alternatives_and_its_attention(
    opened: Callable[..., View], trained: TrainedProject
) -> None:
    model = open_everything(trained.models, trained.prepared, chosen={}).texts
    assert model is not None
    text = "22 März 1983 ☃"
    expected = translate(model, text, beam_size=model.decoding.beam_size)
    shown = opened()
    page = shown.page
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Text", exact=True).fill(text)
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_text(expected.answers[0].text)
    rows = page.get_by_role("table", name="What the beam search found").locator("tbody th")
    assert rows.all_inner_texts() == [each.text for each in expected.answers]
    expect(page.get_by_role("alert")).to_contain_text("The model has never seen ☃")
    picture = page.locator("#attention img.light-only")
    expect(picture).to_be_visible()
    expect(page.locator("#attention img.dark-only")).to_be_hidden()
    assert f"from the source {text} to the output" in (picture.get_attribute("alt") or "")
    page.wait_for_function("document.querySelector('#attention img.light-only').naturalWidth > 200")
    assert shown.broken_images() == []
    page.get_by_role("button", name="Answer").click()
    page.get_by_label("Text", exact=True).fill("")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_role("alert")).to_contain_text("type a text first")
    assert complaints(shown) == []


def test_an_example_text_is_answered_at_a_click(opened: Callable[..., View]) -> None:
    shown = opened()
    page = shown.page
    page.get_by_role("tab", name="Text").click()
    example = page.locator("#samples button").first
    text = example.inner_text()
    example.click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(text)
    expect(answer(page)).to_be_visible()


def test_what_is_typed_is_never_run(opened: Callable[..., View]) -> None:
    shown = opened()
    page = shown.page
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Text", exact=True).fill("<img src=x onerror=window.harmed=1>")
    page.keyboard.press("Enter")
    expect(answer(page)).to_be_visible()
    assert page.evaluate("window.harmed === undefined")
    assert complaints(shown) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_tab_can_be_read_and_fits_the_window(opened: Callable[..., View], width: int, dark: bool) -> None:
    """WCAG 2.1 A and AA, contrast too, with answers on the page: not one violation, and none is left out."""
    shown = opened(width=width, dark=dark)
    page = shown.page
    draw(page, DIGITS["0"])
    expect(answer(page)).to_have_text("0")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        if tab == "Text":
            page.get_by_label("Text", exact=True).fill("22 März 1983 ☃")
            page.keyboard.press("Enter")
            expect(page.locator("#attention figure")).to_be_visible()
        page.mouse.move(0, 0)
        page.wait_for_timeout(400)  # colours that fade are measured when they have arrived
        assert shown.violations() == []
        assert shown.sideways() <= 0
    assert complaints(shown) == []


def test_the_map_is_drawn_for_the_dark_where_it_is_dark(opened: Callable[..., View]) -> None:
    shown = opened(dark=True)
    expect(shown.page.locator("#map img.dark-only")).to_be_visible()
    expect(shown.page.locator("#map img.light-only")).to_be_hidden()


def test_nobody_outside_is_asked_for_anything(opened: Callable[..., View], played: Played) -> None:
    """Neither by the page nor by the server: no font, no version check, no telemetry."""
    shown = opened()
    draw(shown.page, DIGITS["0"])
    expect(answer(shown.page)).to_have_text("0")
    asked = [request for request in shown.requests if not request.startswith(("data:", "blob:"))]
    assert asked
    assert [request for request in asked if not request.startswith(f"{played.address}/")] == []
    heard = played.heard.read_text(encoding="utf-8").splitlines() if played.heard.exists() else []
    assert [line for line in heard if "127.0.0.1" not in line and "localhost" not in line] == []


def status_of(address: str) -> int:
    try:
        with urlopen(address, timeout=10) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        return error.code


def test_no_file_of_the_machine_and_no_function_is_offered(played: Played, root: Path, trained: TrainedProject) -> None:
    for path in ("/etc/passwd", root / "params.yaml", trained.models / "cnn" / "spec.json", root / "../../etc/passwd"):
        assert status_of(f"{played.address}/gradio_api/file={path}") == 403
    with urlopen(f"{played.address}/gradio_api/info", timeout=10) as response:
        assert response.read() == b'{"named_endpoints":{},"unnamed_endpoints":{}}'


def test_ctrl_c_ends_it_without_a_word_and_leaves_nothing(root: Path, trained: TrainedProject, tmp_path: Path) -> None:
    for number, asked in enumerate((signal.SIGINT, signal.SIGTERM)):
        port = free_port()
        server = play(root, trained, tmp_path / str(number), port=port)
        server.process.send_signal(asked)
        assert server.process.wait(30) == (0 if asked == signal.SIGINT else 128 + signal.SIGTERM)
        assert server.said.read_text(encoding="utf-8").strip().count("\n") == 0
        assert [path.name for path in server.temporary.iterdir() if path.name.startswith("encdec-playground")] == []
        began = time.monotonic()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))  # it is free again
        assert time.monotonic() - began < 5
