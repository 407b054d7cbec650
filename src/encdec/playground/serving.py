"""Serves the page on this machine until it is asked to stop."""

import os
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from encdec.tracking.signals import stoppable
from encdec.tracking.ui import has_display

if TYPE_CHECKING:
    from gradio import Blocks

QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_MCP_SERVER": "False",
    "GRADIO_SSR_MODE": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_ALLOWED_PATHS": "",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""Left alone, Gradio reports its use and asks for its newest version; and what the environment says could open more."""
LARGEST_UPLOAD = "20mb"
FONTS = ("system-ui", "sans-serif")
MONO_FONTS = ("ui-monospace", "monospace")


def prepare_environment(uploads: Path) -> None:
    """What must be set before gradio is imported; uploads go to a folder that is removed at the end."""
    os.environ.update(QUIET)
    os.environ["GRADIO_TEMP_DIR"] = str(uploads)


def serve(page: "Blocks", *, css: str, host: str, port: int) -> None:
    """Say where the page is, and serve it until Ctrl-C or SIGTERM."""
    import gradio as gr

    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        inbrowser=False,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        allowed_paths=[],
        max_file_size=LARGEST_UPLOAD,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        theme=gr.themes.Base(font=FONTS, font_mono=MONO_FONTS),
        css=css,
    )
    try:
        with stoppable():
            print(f"The playground: {address} (Ctrl-C ends it)", flush=True)
            if has_display():
                webbrowser.open(address)
            Event().wait()
    except KeyboardInterrupt:
        print()
    finally:
        page.close(verbose=False)


def temporary_uploads() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="encdec-playground-", ignore_cleanup_errors=True)
