"""Draw, upload or choose a picture: its class, its reconstruction, how unusual it is, and its place among others."""

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from encdec.params.root import ModelName
from encdec.playground import markup
from encdec.playground.anomaly import anomaly_of
from encdec.playground.answers import Pixels, classify, pixels_of, rebuild
from encdec.playground.drawing import from_ink, from_picture
from encdec.playground.events import connect
from encdec.playground.known import Known
from encdec.playground.latent_map import nearest_classes, place_of
from encdec.playground.opening import Opened
from encdec.playground.strokes import draw_ink, read_strokes
from encdec.sources.decoding import decode_image

Stored = NDArray[np.uint8]
REBUILDERS: Mapping[ModelName, str] = {
    "autoencoder": "autoencoder",
    "vae": "VAE",
    "sparse_autoencoder": "sparse autoencoder",
}
UNUSUAL = 0.95
"""The share of known images with a smaller error from which on a picture is called unusual."""
NEIGHBOURS = 10
MOST_ROWS = 12
"""Of more classes the most probable are shown."""


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
            examples = example_buttons(opened, known)
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

    def chosen(event: gr.EventData) -> list[object]:
        return ["", *answered(lambda: example(opened, known, event.number))]

    def answered(read: Callable[[], Stored]) -> list[object]:
        try:
            stored = read()
        except ValueError as error:
            return [None, markup.problem(f"{error}."), "", "", "", ""]
        return [stored, *tell(opened, known, pixels_of(stored, card))]

    connect(pad.input, drawn, pad, [given, *shown])
    connect(upload.upload, uploaded, upload, [pad, given, *shown])
    if examples is not None:
        connect(examples.select, chosen, None, [pad, given, *shown])


def example(opened: Opened, known: Known, number: object) -> Stored:
    """The example image of a button; what a browser sends is not trusted."""
    if opened.images is None or not isinstance(number, int) or not 0 <= number < len(known.examples):
        raise ValueError("there is no such example: choose one that is shown")
    return np.array(opened.images.test.images[known.examples[number]])


def why_no_images(opened: Opened) -> str:
    return f"There is no trained model of images. {opened.missing.get('cnn', '')}"


def drawing_pad() -> gr.HTML:
    html, css, script = (read(name) for name in ("pad.html", "pad.css", "pad.js"))
    return gr.HTML("", html_template=html, css_template=css, js_on_load=script, elem_id="pad", apply_default_css=False)


def read(name: str) -> str:
    return (files("encdec.playground") / "scripts" / name).read_text(encoding="utf-8")


def example_buttons(opened: Opened, known: Known) -> gr.HTML | None:
    """Test images as buttons, which the keyboard reaches; None where there are none."""
    if opened.images is None:
        gr.HTML(markup.note(opened.missing["images"]))
        return None
    test, card = opened.images.test, opened.images.test.card
    buttons = [
        markup.image_button(number, pixels_of(test.images[row], card), name=card.classes[int(test.labels[row])])
        for number, row in enumerate(known.examples)
    ]
    return gr.HTML(
        markup.examples(buttons), js_on_load=read("examples.js"), elem_id="examples", apply_default_css=False
    )


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
    model, card = opened.models.get("cnn"), opened.card
    if model is None or card is None:
        return markup.problem(f"No classes: {opened.missing.get('cnn', '')}")
    found = classify(model, pixels, card.classes)
    best = found[0]
    rows = (
        sorted(found, key=lambda each: card.classes.index(each.name)) if len(found) <= MOST_ROWS else found[:MOST_ROWS]
    )
    return markup.answer(best.name, f"{best.probability:.1%}") + markup.bars(
        [(each.name, each.probability) for each in rows],
        caption="Class probabilities of the CNN",
        heads=("class", "probability"),
    )


def tell_rebuilt(opened: Opened, pixels: Pixels) -> str:
    shown = [markup.Shown(pixels, "what the models see", "the picture as the models see it")]
    for name, words in REBUILDERS.items():
        model = opened.models.get(name)
        if model is not None:
            shown.append(
                markup.Shown(
                    rebuild(model, pixels[None])[0], f"rebuilt by the {words}", f"reconstruction by the {words}"
                )
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
    near = ", ".join(f"{name} ({count})" for name, count in nearest_classes(known.places, place, count=NEIGHBOURS))
    beyond = "" if inside else " It lies beyond the edge of the map."
    words = f"On the map of the autoencoder's code the ring is yours. Its {NEIGHBOURS} nearest training images: {near}."
    return markup.note(words + beyond), markup.mark(left, top)
