"""A real headless Chromium for every test here: what it shows, what it asks for, and what it complains about."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from viewing import TIMEOUT_MS, View, open_view

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--no-sandbox",  # tests run as root in containers, where Chromium's sandbox cannot start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


expect.set_options(timeout=TIMEOUT_MS)  # other tests run beside these


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium lies. Without it nothing here can run: in CI that is a failure, elsewhere it is said."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return found
    missing = "NO CHROMIUM, SO THE PAGES WERE NOT TESTED: install it (Debian: apt install chromium), or set CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        yield started
        started.close()


@pytest.fixture
def view(browser: Browser) -> Iterator[Callable[..., View]]:
    """`view(address, width=1280, dark=False)` opens a page in a new, empty profile."""
    opened: list[View] = []

    def open_one(address: str, *, width: int = 1280, height: int = 900, dark: bool = False) -> View:
        opened.append(open_view(browser, address, size=(width, height), dark=dark))
        return opened[-1]

    yield open_one
    for each in opened:
        each.page.context.close()
