"""Noise on the picture, and the picture without it again."""

import math

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from encdec.models.build import fitting
from encdec.models.denoising_autoencoder.spec import DenoisingAutoencoderSpec
from encdec.params.corruption import Corruption
from encdec.playground import markup
from encdec.playground.answers import Pixels, pixels_of
from encdec.playground.denoise import NOISES, Noise, Restored, noise_of, restored, strength_of
from encdec.playground.events import connect
from encdec.playground.known import Known
from encdec.playground.opening import Opened

WORDS: dict[Noise, str] = {
    "gaussian": "Gaussian: added to each pixel",
    "masking": "Masking: pixels become black",
    "salt_and_pepper": "Salt and pepper: pixels become black or white",
}
LEAST, MOST = 0.02, 0.9


def noise_tab(opened: Opened, known: Known, given: gr.State, *, seed: int) -> None:
    """Of `given`, or of a test image where nothing is given yet."""
    model, card = opened.models.get("denoising_autoencoder"), opened.card
    if model is None or card is None:
        missing = opened.missing.get("denoising_autoencoder", "")
        gr.HTML(markup.problem(f"There is no denoising autoencoder. {missing}"))
        return
    trained = fitting(model.name, model.spec, DenoisingAutoencoderSpec).corruption
    gr.HTML(markup.note(explained(trained)))
    with gr.Row():
        kind = gr.Radio([(WORDS[name], name) for name in NOISES], value=trained.kind, label="Kind of noise")
        strength = gr.Slider(
            LEAST, MOST, value=min(max(strength_of(trained), LEAST), MOST), step=0.01,
            label="Strength (standard deviation, or share of the pixels)",
        )  # fmt: skip
    again = gr.Button("Other noise")
    sown = gr.State(seed)

    def show(stored: NDArray[np.uint8] | None, chosen: Noise, amount: float, sown: int) -> str:
        clean = first_picture(opened, stored)
        if clean is None:
            return markup.problem("There is no picture yet: draw one in the tab Picture.")
        corruption = noise_of(chosen, amount)
        found = restored(model, clean, corruption, components=known.components, seed=sown)
        return tell(clean, found)

    def sow(stored: NDArray[np.uint8] | None, chosen: Noise, amount: float, sown: int) -> tuple[int, str]:
        return sown + 1, show(stored, chosen, amount, sown + 1)

    inputs = [given, kind, strength, sown]
    shown = gr.HTML(show(None, trained.kind, strength_of(trained), seed), elem_id="noise")
    for control in (strength, kind):
        connect(control.input, show, inputs, shown)
    connect(given.change, show, inputs, shown)
    connect(again.click, sow, inputs, [sown, shown])


def explained(trained: Corruption) -> str:
    return (
        f"The denoising autoencoder was trained on {trained.kind.replace('_', ' ')} noise of strength "
        f"{strength_of(trained):g}: see how far from that it still helps. Beside it stands the Wiener filter, the best "
        "linear estimate for exactly the noise that you choose."
    )


def first_picture(opened: Opened, stored: NDArray[np.uint8] | None) -> Pixels | None:
    if stored is not None and opened.card is not None:
        return pixels_of(stored, opened.card)
    if opened.images is None or not len(opened.images.test):
        return None
    return opened.images.test.batch(np.array([0])).images[0].numpy()


def tell(clean: Pixels, found: Restored) -> str:
    errors = found.errors(clean)
    shown = [
        markup.Shown(clean, "clean", "the picture without noise"),
        markup.Shown(found.noisy, f"with noise: {told(errors['noisy'])}", "the picture with noise"),
        markup.Shown(
            found.denoised, f"autoencoder: {told(errors['denoised'])}", "the picture that the autoencoder restored"
        ),
    ]
    if found.filtered is not None:
        words = f"Wiener filter: {told(errors['filtered'])}"
        shown.append(markup.Shown(found.filtered, words, "the picture that the Wiener filter restored"))
    return markup.images(shown) + markup.note("PSNR against the clean picture, higher is better.")


def told(error: float) -> str:
    return "no error" if error == 0 else f"{-10 * math.log10(error):.1f} dB"
