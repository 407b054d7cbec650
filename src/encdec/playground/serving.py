"""Serves the page on this machine until it is asked to stop."""

import os
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from encdec.signals import stoppable
from encdec.tracking.ui import has_display

if TYPE_CHECKING:
    from gradio import Blocks
    from gradio.themes import Base

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
        theme=theme(),
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


def theme() -> "Base":
    """Fonts of the machine, so that none is fetched, and Gradio's greys and blue so dark that they can be read."""
    from gradio.themes import Base

    return Base(font=FONTS, font_mono=MONO_FONTS).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_400",
        color_accent="*primary_700",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        slider_color="*primary_700",
        slider_color_dark="*primary_400",
    )


def temporary_uploads() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="encdec-playground-", ignore_cleanup_errors=True)
