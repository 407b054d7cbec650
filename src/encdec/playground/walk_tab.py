"""Sliders for the units of the VAE's code that carry most; the decoded image follows them."""

from collections.abc import Sequence

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from encdec.playground import markup
from encdec.playground.answers import pixels_of
from encdec.playground.events import connect
from encdec.playground.known import Known
from encdec.playground.opening import Opened
from encdec.playground.vae_walk import Code, Unit, centre_of, code_of, decode, drawn_from_prior, moved

STEP = 0.05


def walk_tab(opened: Opened, known: Known, given: gr.State) -> None:
    """The walk starts from `given`, from the middle of the prior, or from a code drawn from it."""
    vae, card, units = opened.models.get("vae"), opened.card, known.units
    if vae is None or card is None:
        gr.HTML(markup.problem(f"There is no VAE to walk through. {opened.missing.get('vae', '')}"))
        return
    if not units:
        gr.HTML(markup.problem(opened.missing["images"]))
        return
    indices, size = [unit.number for unit in units], len(centre_of(vae))
    gr.HTML(markup.note(explained(len(units), size)))
    start = gr.State(centre_of(vae))
    with gr.Row():
        from_picture = gr.Button("Start from my picture")
        from_middle = gr.Button("Start from the middle")
        from_prior = gr.Button("Draw a code from the prior")
    with gr.Row():
        with gr.Column(scale=1, min_width=280, elem_classes="kept-in-view"):
            image = gr.HTML(show(decode(vae, centre_of(vae)), "decoded"), elem_id="walked")
        with gr.Column(scale=2, min_width=300):
            sliders = [
                gr.Slider(
                    -unit.reach, unit.reach, value=0.0, step=STEP, label=f"Unit {unit.number} ({unit.nats:.1f} nats)"
                )
                for unit in units
            ]

    def begin(code: Code, words: str) -> list[object]:
        values = on_sliders(code, units)
        return [code, show(decode(vae, moved(code, indices, values)), words), *values]

    def begin_from_picture(stored: NDArray[np.uint8] | None) -> list[object]:
        if stored is None:
            waiting = markup.problem("There is no picture yet: draw one in the tab Picture.")
            return [gr.skip(), waiting, *[gr.skip()] * len(units)]
        return begin(code_of(vae, pixels_of(stored, card)), "your picture, rebuilt")

    def walk(code: Code, *values: float) -> str:
        return show(decode(vae, moved(code, indices, list(values))), "decoded")

    def begin_from_middle() -> list[object]:
        return begin(centre_of(vae), "the middle of the prior")

    def begin_from_prior() -> list[object]:
        return begin(drawn_from_prior(vae, np.random.default_rng()), "a code from the prior")

    outputs = [start, image, *sliders]
    connect(from_picture.click, begin_from_picture, given, outputs)
    connect(from_middle.click, begin_from_middle, None, outputs)
    connect(from_prior.click, begin_from_prior, None, outputs)
    for slider in sliders:
        connect(slider.input, walk, [start, *sliders], image)


def on_sliders(code: Code, units: Sequence[Unit]) -> list[float]:
    """The values of these units where a slider can stand."""
    return [
        round(STEP * round(min(max(float(code[unit.number]), -unit.reach), unit.reach) / STEP), 2) for unit in units
    ]


def explained(shown: int, size: int) -> str:
    silent = size - shown
    rest = f" The other {silent} carry less, or nothing, and keep the value that they start with." if silent else ""
    return (
        f"The code has {size} units. The {shown} sliders move those that carry most, with the mean nats of each "
        f"(its divergence from the prior).{rest} Drag one and see what it stands for."
    )


def show(pixels: NDArray[np.float32], words: str) -> str:
    return markup.images([markup.Shown(pixels, words, "the image that the VAE decodes from the code")])
