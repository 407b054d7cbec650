"""The file of times and links beside the page."""

import html
import json
import re

from encdec.report.runs import Runs, StageLine, page_id_of, runs_text

LINE = StageLine("ran", run="ab12", link="http://127.0.0.1:5000/#/x", started=1.5, seconds=2.25, commit="c0ffee")


def test_content_is_read_back_as_it_was() -> None:
    runs = Runs("f" * 64, LINE, {"train@cnn": LINE, "check": StageLine("restored", "", "", None, None, "")})
    text = runs_text(runs, command="make ui")
    content = json.loads(html.unescape(re.findall(r'<pre id="runs">(.*?)</pre>', text, re.DOTALL)[0]))
    assert content["page"] == "f" * 64
    assert content["repro"] == LINE._asdict()
    assert content["stages"]["train@cnn"]["seconds"] == 2.25
    assert content["stages"]["check"]["link"] == ""


def test_nothing_in_it_becomes_markup_or_another_line() -> None:
    bad = "</pre><script>alert(1)</script>\u2028'\"&"
    text = runs_text(Runs("0", LINE._replace(commit=bad, link=bad), {bad: LINE}), command=bad)
    assert text.count("<script>") == 1
    assert text.count("</script>") == 1
    assert text.count("</pre>") == 1
    content = re.findall(r'<pre id="runs">(.*?)</pre>', text, re.DOTALL)[0]
    assert content.isascii()
    assert json.loads(html.unescape(content))["repro"]["commit"] == bad


def test_page_without_an_id_has_none() -> None:
    assert page_id_of("<html></html>") == ""
    assert page_id_of(f'<meta name="encdec-page" content="{"a" * 64}">') == "a" * 64
