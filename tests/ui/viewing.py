"""A page in Chromium with what it said on its console and what it asked for."""

from typing import Any, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

TIMEOUT_MS = 60_000


class View(NamedTuple):
    """`errors`: console errors, uncaught exceptions and failed requests; `requests`: the address of each request."""

    page: Page
    errors: list[str]
    requests: list[str]

    def broken_images(self) -> list[str]:
        """The start of the address of each image that did not load."""
        broken: list[str] = self.page.evaluate(
            "[...document.images].filter(image => !image.complete || !image.naturalWidth).map(i => i.src.slice(0, 99))"
        )
        return broken

    def violations(self) -> list[str]:
        """What axe-core finds against WCAG 2.1 A and AA: rule and element, one line each."""
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        found: list[dict[str, Any]] = Axe().run(self.page, options={"runOnly": tags}).response["violations"]
        return [f"{rule['id']}: {node['target']}: {node['failureSummary']}" for rule in found for node in rule["nodes"]]

    def sideways(self) -> int:
        """By how many pixels the page is wider than the window."""
        wider: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wider


def open_view(browser: Browser, address: str, *, size: tuple[int, int], dark: bool) -> View:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    view = View(page, [], [])

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            view.errors.append(f"console: {message.text}")

    page.on("console", heard)
    page.on("pageerror", lambda error: view.errors.append(f"exception: {error}"))
    page.on("requestfailed", lambda request: view.errors.append(f"failed: {request.url[:200]}: {request.failure}"))
    page.on("request", lambda request: view.requests.append(request.url[:200]))
    page.goto(address)
    return view
