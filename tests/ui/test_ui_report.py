"""The report's page as a reader sees it: light and dark, wide and narrow, with and without the file of runs."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, expect
from report_outs import GRAPH, write, write_outs
from viewing import View

from encdec.params.loading import load_params
from encdec.report.build import build_report
from encdec.report.runs import Runs, StageLine, page_id_of, runs_text

Open = Callable[..., View]
ATTACK = "<script>document.title='hit'</script>\"'><img src=x onerror=\"document.title='hit'\">"
UI = "http://127.0.0.1:5000/#/experiments/1/runs"


@pytest.fixture(scope="module")
def page(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on made-up outs whose data holds markup wherever data can."""
    folder = tmp_path_factory.mktemp("report")
    outs = write_outs(folder)
    write(folder / "dvc.yaml", GRAPH)
    field = ATTACK.replace('"', '""')
    write(outs.evaluation / "cnn" / "details" / "per_class.csv", f'class,f1\n"{field}",0.5\n')
    write(outs.prepared / "images" / "rejected.csv", f'sample,split,reason,detail\n"{field}",,"{field}","{field}"\n')
    report = build_report(load_params(root / "params.yaml").params, graph=folder / "dvc.yaml", outs=outs)
    path = folder / "index.html"
    path.write_text(report.page, encoding="utf-8")
    return path


def line(link: str = f"{UI}/0123456789abcdef", commit: str = "c0ffee1234") -> StageLine:
    return StageLine("ran", run="0123456789abcdef", link=link, started=1_790_000_000.0, seconds=63.2, commit=commit)


@pytest.fixture
def with_runs(page: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the page with a file of runs beside it."""

    def copy(*, other_page: bool = False, **stages: StageLine) -> Path:
        text = page.read_text(encoding="utf-8")
        (tmp_path / "index.html").write_text(text, encoding="utf-8")
        known = {name.replace("_at_", "@"): stage for name, stage in stages.items()}
        runs = Runs("0" * 64 if other_page else page_id_of(text), line(), known)
        (tmp_path / "runs.html").write_text(runs_text(runs, command="make ui"), encoding="utf-8")
        return tmp_path / "index.html"

    return copy


def shown_time(page: Page, stage: str) -> str | None:
    return page.locator(f"svg [data-time='{stage}']").text_content()


def told(page: Page, stage: str) -> list[str]:
    return page.locator(f".origin [data-run='{stage}']").all_text_contents()


def test_page_alone_makes_no_error_and_asks_for_nothing_but_the_file_beside_it(view: Open, page: Path) -> None:
    seen = view(page.as_uri())
    seen.page.wait_for_timeout(300)
    beside = page.with_name("runs.html").as_uri()
    # a browser tells who listens to its network that there is no such file, and nobody else: no console error
    assert [error for error in seen.errors if not error.startswith(f"failed: {beside}")] == []
    assert {address for address in seen.requests if not address.startswith("data:")} == {page.as_uri(), beside}
    assert seen.broken_images() == []
    assert seen.page.locator("figure img").count() == 6 * 5 * 2  # models, groups, schemes
    assert "make repro" in seen.page.locator("#runs-note").inner_text()


def test_page_with_its_runs_makes_no_error(view: Open, with_runs: Callable[..., Path]) -> None:
    path = with_runs(train_at_vae=line())
    seen = view(path.as_uri())
    expect(seen.page.locator("svg [data-time='train@vae']")).to_have_text("1 min 3 s")
    assert seen.errors == []
    assert all(address.startswith(("file:", "data:")) for address in seen.requests)


def test_times_and_links_stand_where_they_belong(view: Open, with_runs: Callable[..., Path]) -> None:
    restored = StageLine("restored", run="", link="", started=None, seconds=None, commit="")
    path = with_runs(evaluate_at_cnn=line()._replace(seconds=0.234), train_at_cnn=restored, tune_at_cnn=line())
    seen = view(path.as_uri()).page
    expect(seen.locator("svg [data-time='evaluate@cnn']")).to_have_text("0.2 s")
    assert shown_time(seen, "train@cnn") == "cached"
    assert shown_time(seen, "tune@vae") == ""
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    for text in told(seen, "evaluate@cnn"):
        assert re.fullmatch(rf" · MLflow run 01234567 \(0\.2 s, {moment}, commit c0ffee1\)", text)
    assert set(told(seen, "train@cnn")) == {" · restored from DVC's cache: no run of it here"}
    assert set(told(seen, "evaluate@vae")) == {""}
    link = seen.locator(".origin [data-run='evaluate@cnn'] a").first
    assert link.get_attribute("href") == f"{UI}/0123456789abcdef"
    note = seen.locator("#runs-note").inner_text()
    assert "2 stages, 1 min 3 s together" in note  # 0.2 s and 63.2 s
    assert "Last dvc repro: MLflow run 01234567 (1 min 3 s" in note


@pytest.mark.parametrize("link", ["javascript:document.title='hit'", "data:text/html,x", "file:///etc/passwd", "x", ""])
def test_link_that_is_not_of_the_web_is_none(view: Open, with_runs: Callable[..., Path], link: str) -> None:
    seen = view(with_runs(train_at_vae=line(link=link)).as_uri()).page
    expect(seen.locator("svg [data-time='train@vae']")).to_have_text("1 min 3 s")
    assert seen.locator("[data-run='train@vae'] a").count() == 0
    expect(seen.locator("#models [data-run='train@vae']").first).to_contain_text("MLflow run 01234567")


def test_markup_in_runs_or_data_stays_text(view: Open, with_runs: Callable[..., Path]) -> None:
    bad = line(commit=f"{ATTACK}</pre></script>\u2028")
    opened = view(with_runs(train_at_vae=bad._replace(run=ATTACK), validate_at_images=bad).as_uri())
    seen = opened.page
    expect(seen.locator("svg [data-time='train@vae']")).to_have_text("1 min 3 s")
    seen.wait_for_timeout(200)
    assert seen.title() == "encdec: models against baselines"
    assert opened.errors == []
    assert seen.locator("img[src=x]").count() == 0
    assert ATTACK in seen.locator("#cnn table.data").last.inner_html().replace("&lt;", "<").replace("&gt;", ">")
    assert seen.locator("table.data td").filter(has_text=ATTACK).count() >= 3  # class, sample and detail
    assert ATTACK in told(seen, "validate@images")[0]


def test_runs_of_another_page_are_not_shown(view: Open, with_runs: Callable[..., Path]) -> None:
    seen = view(with_runs(other_page=True, train_at_vae=line()).as_uri()).page
    expect(seen.locator("#runs-other")).to_be_visible()
    assert shown_time(seen, "train@vae") == ""


def test_broken_runs_are_not_shown(view: Open, with_runs: Callable[..., Path]) -> None:
    path = with_runs()
    for content in (
        "not HTML",
        '<script>parent.postMessage("null", "*")</script>',
        "<script>parent.location='x'</script>",
    ):
        path.with_name("runs.html").write_text(content)
        seen = view(path.as_uri())
        seen.page.wait_for_timeout(200)
        assert seen.page.url == path.as_uri()
        assert "make repro" in seen.page.locator("#runs-note").inner_text()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a server of the folder of `with_runs`, on this machine alone."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


def test_page_on_a_server_shows_its_runs(view: Open, with_runs: Callable[..., Path], served: str) -> None:
    with_runs(train_at_vae=line())
    seen = view(served)
    expect(seen.page.locator("svg [data-time='train@vae']")).to_have_text("1 min 3 s")
    assert seen.errors == []


def test_frame_cannot_reach_into_the_page(view: Open, with_runs: Callable[..., Path], served: str) -> None:
    path = with_runs()
    # on a server the frame is of the same origin as the page, and only the sandbox parts them
    path.with_name("runs.html").write_text("<script>parent.document.title = 'hit'</script>")
    for address in (served, path.as_uri()):
        seen = view(address).page
        seen.wait_for_timeout(300)
        assert seen.title() == "encdec: models against baselines"


def test_message_from_elsewhere_is_not_heard(view: Open, page: Path) -> None:
    seen = view(page.as_uri()).page
    runs = {"page": page_id_of(page.read_text(encoding="utf-8")), "stages": {"train@vae": line()._asdict()}}
    seen.evaluate("text => postMessage(text, '*')", json.dumps(runs))
    seen.wait_for_timeout(200)
    assert shown_time(seen, "train@vae") == ""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_is_accessible(view: Open, with_runs: Callable[..., Path], width: int, dark: bool) -> None:
    path = with_runs(evaluate_at_cnn=line(), train_at_vae=line())
    seen = view(path.as_uri(), width=width, dark=dark)
    expect(seen.page.locator("svg [data-time='train@vae']")).to_have_text("1 min 3 s")
    seen.page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert seen.violations() == []
    assert seen.sideways() <= 0


def test_figure_is_the_one_of_the_colour_scheme_and_of_paper(view: Open, page: Path) -> None:
    for dark, shown, hidden in ((False, "light", "dark"), (True, "dark", "light")):
        seen = view(page.as_uri(), dark=dark).page
        assert seen.locator(f"figure img.{shown}").first.is_visible()
        assert not seen.locator(f"figure img.{hidden}").first.is_visible()
        seen.emulate_media(media="print")
        assert seen.locator("figure img.light").first.is_visible()
        assert not seen.locator("figure img.dark").first.is_visible()
        assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_details_open_by_keyboard_and_on_paper(view: Open, page: Path) -> None:
    seen = view(page.as_uri()).page
    first = seen.locator("#graph details")
    first.locator("summary").focus()
    seen.keyboard.press("Enter")
    assert first.get_attribute("open") is not None
    closed = seen.locator("#models details").first
    assert not closed.locator("table").is_visible()
    seen.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed.locator("table").is_visible()
    seen.evaluate("dispatchEvent(new Event('afterprint'))")
    assert not closed.locator("table").is_visible()
    assert first.get_attribute("open") is not None  # it was open before


def test_figure_is_enlarged_by_keyboard(view: Open, page: Path) -> None:
    seen = view(page.as_uri()).page
    button = seen.locator("figure button").first
    button.focus()
    seen.keyboard.press("Enter")
    dialog = seen.locator("dialog")
    expect(dialog).to_be_visible()
    assert dialog.locator("img.light").is_visible()
    assert dialog.locator("img.light").get_attribute("src") == seen.locator("figure img.light").first.get_attribute(
        "src"
    )
    seen.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert seen.evaluate("document.activeElement.className") == "zoom"


def test_every_link_leads_into_the_page_or_to_the_web(view: Open, with_runs: Callable[..., Path]) -> None:
    seen = view(with_runs(evaluate_at_cnn=line()).as_uri()).page
    expect(seen.locator(".origin [data-run='evaluate@cnn'] a").first).to_be_visible()
    links = seen.evaluate("[...document.links].map(link => link.getAttribute('href'))")
    assert any(link.startswith("http://127.0.0.1:5000/") for link in links)
    assert all(re.match(r"#|https?://", link) for link in links)
    assert all(seen.locator(f"[id='{link[1:]}']").count() == 1 for link in set(links) if link.startswith("#"))


def test_policy_shuts_the_network(view: Open, page: Path) -> None:
    opened = view(page.as_uri())
    opened.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    opened.page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/x.png'}))")
    opened.page.wait_for_timeout(200)
    refused = [error for error in opened.errors if "Content Security Policy" in error]
    assert any("connect" in error or "default-src" in error for error in refused)
    assert any("img-src" in error for error in refused)
