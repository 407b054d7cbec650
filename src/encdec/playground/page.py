"""The page: tabs over what is there, and sentences where something is not."""

from html import escape
from importlib.resources import files

import gradio as gr

from encdec.playground.known import Known
from encdec.playground.noise_tab import noise_tab
from encdec.playground.opening import Opened
from encdec.playground.picture_tab import picture_tab
from encdec.playground.text_tab import text_tab
from encdec.playground.walk_tab import walk_tab

TITLE = "encdec playground"


def build_page(opened: Opened, known: Known, *, seed: int) -> gr.Blocks:
    """The whole page; nothing is served yet."""
    page: gr.Blocks
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(600, 600)) as page:
        gr.HTML(heading(opened))
        given = gr.State(None)  # the image that all tabs speak of: (C, H, W) in stored units
        with gr.Tabs():
            with gr.Tab("Picture"):
                picture_tab(opened, known, given)
            with gr.Tab("Code walk"):
                walk_tab(opened, known, given)
            with gr.Tab("Noise"):
                noise_tab(opened, known, given, seed=seed)
            with gr.Tab("Text"):
                text_tab(opened)
    return page


def heading(opened: Opened) -> str:
    rows = "".join(
        f"<li><strong>{escape(name)}</strong>: {escape(origin)}</li>" for name, origin in opened.origins.items()
    )
    gone = "".join(f"<li>{escape(text)}</li>" for text in opened.missing.values())
    missing = f"<p>Not here:</p><ul>{gone}</ul>" if gone else ""
    return (
        "<h1>Try the trained models</h1><p>Draw a picture or type a text: the models of the last run answer. "
        "Everything happens on this machine.</p>"
        f"<details><summary>{len(opened.origins)} models are loaded</summary><ul>{rows}</ul>{missing}</details>"
    )


def page_css() -> str:
    return (files("encdec.playground") / "page.css").read_text(encoding="utf-8")
