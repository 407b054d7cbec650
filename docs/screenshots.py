"""Take the screenshots of the documentation from the real UI, on the runs of this clone: `make screenshots`.

Needs a finished `make repro` and some seeds beside it (`encdec seeds --seeds 1 2 3 --models cnn autoencoder`); the
registry is shown where it has a champion. Needs the development tools (`make .venv/.dev`) and Chromium (or
CHROMIUM=<path>).
"""

import io
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from encdec.params.loading import load_params
from encdec.tracking.project import find_project
from encdec.tracking.store import open_store

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
REPORT = ROOT / "data" / "07_report" / "index.html"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAX_BYTES = 200_000
MAX_COLOURS = 256
TABLE, COMPARED = "The table of runs: ", "The last run of every model, side by side: "
SHARED_FIGURE = "learning_curves.light.png"
LONGEST = "train@seq2seq"
SETTLE_MS = 1500  # charts and images are drawn after the page says that it is ready


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with opened_ui() as addresses, chromium() as browser:
        if COMPARED not in addresses or not REPORT.is_file():
            sys.exit("there is nothing to show yet: run `make repro` first")
        take(browser, "runs", addresses[TABLE], table, size=(1500, 620))
        take(browser, "charts", f"{addresses[TABLE]}&compareRunsMode=CHART", charts, size=(1500, 900))
        take(browser, "compare", addresses[COMPARED], differences, size=(1760, 1500))
        take(browser, "figures", addresses[COMPARED], shared_figures, size=(1800, 620))
        take(browser, "run", addresses[TABLE], first_run, size=(1500, 900))
        take(browser, "seeds", addresses[TABLE], seeds, size=(1600, 560))
        take(browser, "system", addresses[TABLE], system_metrics, size=(1500, 820))
        registered = registered_model()
        if registered is not None:
            base = addresses[TABLE].partition("#")[0]
            take(browser, "registered", f"{base}#/models/{registered}", model_page, size=(1400, 420))
        take(browser, "report", REPORT.as_uri(), nothing, size=(1280, 900))


@contextmanager
def opened_ui() -> Iterator[Mapping[str, str]]:
    """The addresses that `make ui` prints, while it runs on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    command = [sys.executable, "-m", "encdec.tracking.ui", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield dict(read_addresses(process))
    finally:
        process.terminate()
        process.wait(30)


def read_addresses(process: "subprocess.Popen[str]") -> Iterator[tuple[str, str]]:
    for line in process.stdout or ():
        yield from ((said, line.removeprefix(said).strip()) for said in (TABLE, COMPARED) if line.startswith(said))
        if line.startswith("Ctrl-C"):
            return


@contextmanager
def chromium() -> Iterator[Browser]:
    named = os.environ.get("CHROMIUM")
    found = next((path for name in ([named] if named else CHROMIUM) if (path := shutil.which(name))), None)
    if found is None:
        sys.exit("no Chromium found: install it (Debian: apt install chromium), or name it: CHROMIUM=<path>")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def take(browser: Browser, name: str, address: str, prepare: Callable[[Page], None], *, size: tuple[int, int]) -> None:
    """docs/images/<name>.png in a new profile, with few colours."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(address)
    prepare(page)
    page.wait_for_timeout(SETTLE_MS)
    content = packed(page.screenshot())
    context.close()
    if len(content) > MAX_BYTES:
        sys.exit(f"{name}: {len(content)} bytes, more than {MAX_BYTES}: take a smaller window")
    (IMAGES / f"{name}.png").write_bytes(content)
    print(f"docs/images/{name}.png: {len(content) // 1000} kB")


def packed(png: bytes) -> bytes:
    few = Image.open(io.BytesIO(png)).convert("RGB").quantize(MAX_COLOURS, dither=Image.Dither.NONE)
    content = io.BytesIO()
    few.save(content, "PNG", optimize=True)
    return content.getvalue()


def nothing(_: Page) -> None:
    pass


def table(page: Page) -> None:
    page.locator(".ag-row").first.wait_for()


def charts(page: Page) -> None:
    """Of all charts those of the validation metrics."""
    page.get_by_placeholder("Search metric charts").fill("val/")
    page.locator(".js-plotly-plot").first.wait_for()


def differences(page: Page) -> None:
    """Without the plots, and of parameters and metrics only what differs."""
    page.get_by_text("Visualizations").click()
    for toggle in page.get_by_role("switch").all()[:2]:
        toggle.click()


def shared_figures(page: Page) -> None:
    figure = page.get_by_text(SHARED_FIGURE)
    figure.dispatch_event("click")  # a mouse would meet MLflow's side bar in a low window
    figure.scroll_into_view_if_needed()
    page.get_by_text("Artifacts", exact=True).evaluate("element => element.scrollIntoView()")
    page.locator("img[src^='blob:'], img[src*='get-artifact']").first.wait_for()


def first_run(page: Page) -> None:
    page.get_by_role("link", name=re.compile("^train@")).nth(1).click()
    page.get_by_text("Description").first.wait_for()


def seeds(page: Page) -> None:
    """A row of seeds with the trainings that it sums up."""
    table(page)
    field = page.get_by_test_id("search-box")
    field.fill("tags.stage LIKE 'train%' and tags.model = 'autoencoder' and tags.seed_group LIKE '%'")
    field.press("Enter")
    page.get_by_text(re.compile(r"^\d+ matching runs$")).wait_for()


def system_metrics(page: Page) -> None:
    """Of the model that takes longest."""
    page.get_by_role("link", name=LONGEST, exact=True).first.click()
    page.get_by_role("tab", name="System metrics").click()
    page.locator(".js-plotly-plot").first.wait_for()


def registered_model() -> str | None:
    project = find_project(ROOT)
    store = open_store(load_params(ROOT / "params.yaml").params.tracking.experiment, project)
    return next((model.name for model in store.client.search_registered_models() if "champion" in model.aliases), None)


def model_page(page: Page) -> None:
    page.get_by_role("link", name="Version 1").wait_for()


if __name__ == "__main__":
    main()
