"""Draw, upload or choose a picture: its class, its reconstruction, how unusual it is, and its place among others."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from encdec.playground import markup
from encdec.playground.anomaly import anomaly_of
from encdec.playground.answers import Pixels, classify, pixels_of, rebuild
from encdec.playground.drawing import CENTRED, FILLED, from_ink, from_picture
from encdec.playground.known import Known
from encdec.playground.latent_map import nearest_classes, place_of
from encdec.playground.opening import Opened
from encdec.playground.strokes import draw_ink, read_strokes
from encdec.sources.decoding import decode_image

Stored = NDArray[np.uint8]
UNUSUAL = 0.95
NEIGHBOURS = 10


class Told(NamedTuple):
    """What the tab shows of one image, as HTML."""

    classes: str
    rebuilt: str
    unusual: str
    place: str
    marked: str


def picture_tab(opened: Opened, known: Known, given: gr.State) -> None:
    """`given` is set to whatever picture was given last."""
    card = opened.card
    if card is None:
        gr.HTML(markup.problem(why_no_images(opened)))
        return
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            pad = drawing_pad()
            upload = gr.UploadButton("Upload a picture", file_types=["image"], file_count="single")
            gallery = example_gallery(opened, known)
        with gr.Column(scale=2, min_width=320):
            classes = gr.HTML(markup.note("Draw something, or choose an example."))
            rebuilt = gr.HTML()
            unusual = gr.HTML()
            place = gr.HTML()
            marked = place_on_map(known)
    shown = [classes, rebuilt, unusual, place, marked]

    def drawn(strokes: str | None) -> list[object]:
        return answered(lambda: from_ink(draw_ink(read_strokes(strokes)), card, bright_ink=known.bright_ink))

    def uploaded(path: str) -> list[object]:
        def read() -> Stored:
            file = Path(path)
            return from_picture(decode_image(file.read_bytes(), name=file.name), card, bright_ink=known.bright_ink)

        return ["", *answered(read)]

    def chosen(event: gr.SelectData) -> list[object]:
        images = opened.images
        assert images is not None
        return ["", *answered(lambda: np.array(images.test.images[known.examples[event.index]]))]

    def answered(read: Callable[[], Stored]) -> list[object]:
        try:
            stored = read()
        except ValueError as error:
            return [None, markup.problem(f"{error}."), "", "", "", ""]
        return [stored, *tell(opened, known, pixels_of(stored, card))]

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    pad.input(drawn, pad, [given, *shown], trigger_mode="always_last", **quiet)
    upload.upload(uploaded, upload, [pad, given, *shown], **quiet)
    if gallery is not None:
        gallery.select(chosen, None, [pad, given, *shown], **quiet)


def why_no_images(opened: Opened) -> str:
    return f"There is no trained model of images. {opened.missing.get('cnn', '')}"


def drawing_pad() -> gr.HTML:
    html, css, script = (read(name) for name in ("pad.html", "pad.css", "pad.js"))
    return gr.HTML("", html_template=html, css_template=css, js_on_load=script, elem_id="pad", apply_default_css=False)


def read(name: str) -> str:
    return (files("encdec.playground") / "pad" / name).read_text(encoding="utf-8")


def example_gallery(opened: Opened, known: Known) -> gr.Gallery | None:
    if opened.images is None:
        gr.HTML(markup.note(opened.missing["images"]))
        return None
    test, card = opened.images.test, opened.images.test.card
    shown = [
        (enlarged(pixels_of(test.images[row], card)), card.classes[int(test.labels[row])]) for row in known.examples
    ]
    return gr.Gallery(
        shown,
        label="Examples from the test images",
        columns=5,
        height="auto",
        object_fit="contain",
        allow_preview=False,
        buttons=[],
        format="png",
        elem_id="examples",
    )


def enlarged(pixels: Pixels) -> NDArray[np.uint8]:
    """(C, H, W) in [0, 1] -> (H', W', 3), each pixel a square of several."""
    times = max(1, 96 // max(pixels.shape[1:]))
    large = np.rint(pixels * 255).astype(np.uint8).repeat(times, axis=1).repeat(times, axis=2)
    return np.broadcast_to(large, (3, *large.shape[1:])).transpose(1, 2, 0)


def place_on_map(known: Known) -> gr.HTML:
    if known.drawn_map is None:
        return gr.HTML()
    base = markup.themed(
        known.drawn_map.light, known.drawn_map.dark, alt="Map of the codes of known images", width=known.drawn_map.width
    )
    return gr.HTML("", html_template=f'<div class="place">{base}${{value}}</div>', elem_id="map")


def tell(opened: Opened, known: Known, pixels: Pixels) -> Told:
    """All that the models say of one image (C, H, W) in [0, 1]."""
    place, marked = tell_place(opened, known, pixels)
    return Told(
        tell_classes(opened, pixels), tell_rebuilt(opened, pixels), tell_unusual(opened, known, pixels), place, marked
    )


def tell_classes(opened: Opened, pixels: Pixels) -> str:
    model = opened.models.get("cnn")
    if model is None or opened.card is None:
        return markup.problem(f"No classes: {opened.missing.get('cnn', '')}")
    found = classify(model, pixels, opened.card.classes)
    best = found[0]
    rows = sorted(found, key=lambda each: opened.card.classes.index(each.name)) if len(found) <= 10 else found[:10]
    return markup.answer(best.name, f"{best.probability:.1%}") + markup.bars(
        [(each.name, each.probability) for each in rows],
        caption="Class probabilities of the CNN",
        heads=("class", "probability"),
    )


def tell_rebuilt(opened: Opened, pixels: Pixels) -> str:
    shown = [markup.Shown(pixels, "what the models see", "the picture as the models see it")]
    for name, words in (("autoencoder", "autoencoder"), ("vae", "VAE"), ("sparse_autoencoder", "sparse autoencoder")):
        model = opened.models.get(name)
        if model is not None:
            shown.append(
                markup.Shown(rebuild(model, pixels[None])[0], f"rebuilt by the {words}", f"reconstruction by the {words}")
            )
    return markup.images(shown)


def tell_unusual(opened: Opened, known: Known, pixels: Pixels) -> str:
    model = opened.models.get("autoencoder")
    if model is None:
        return markup.problem(f"No anomaly score: {opened.missing.get('autoencoder', '')}")
    if known.usual is None:
        return markup.note(opened.missing["images"])
    found = anomaly_of(pixels, rebuild(model, pixels[None])[0], known.usual)
    verdict = "This is unusual" if found.quantile >= UNUSUAL else "This is not unusual"
    return (
        f'<p class="unusual"><strong>{verdict}.</strong> Anomaly score: the autoencoder\'s squared error is '
        f"{found.error:.4f}, more than for {found.below:,} of {found.compared:,} validation images "
        f"({found.quantile:.0%}).</p>"
    )


def tell_place(opened: Opened, known: Known, pixels: Pixels) -> tuple[str, str]:
    """The sentence about the place on the map, and the mark on it."""
    model = opened.models.get("autoencoder")
    if model is None or known.places is None or known.drawn_map is None:
        return "", ""
    place = place_of(model, known.places, pixels)
    left, top, inside = known.drawn_map.share_of(place)
    near = ", ".join(f"{count} x {name}" for name, count in nearest_classes(known.places, place, count=NEIGHBOURS))
    beyond = "" if inside else " It lies beyond the edge of the map."
    words = f"Latent map of the autoencoder: the ring is yours. The {NEIGHBOURS} nearest training images: {near}.{beyond}"
    return markup.note(words), markup.mark(left, top)
