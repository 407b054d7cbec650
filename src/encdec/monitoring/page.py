"""A comparison as one self-contained page: everything of it is escaped, and it loads nothing from anywhere."""

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from encdec.figures.picture import Picture, Words, rendered
from encdec.figures.style import DARK, LIGHT, Theme
from encdec.monitoring.drawing import BASE, HEIGHT, WIDTH, Drawn, draw
from encdec.monitoring.result import Judged, Result
from encdec.monitoring.terminal import p_text
from encdec.report.numbers import significant
from encdec.report.page import build_environment, digest, source

STYLE, PAGE = "monitor.css", "monitor.html.jinja"
SHUT = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
VERDICTS = {"none": ("no shift", "passed"), "drift": ("drift", "error"), "invalid": ("data invalid", "error")}
MOST_SHIFTED, MOST_NEAREST, MOST_OF_A_FAMILY = 12, 6, 3


class Shown(NamedTuple):
    """A picture in both themes, as data URIs."""

    words: Words
    width: int
    height: int
    light: str
    dark: str


class Chart(NamedTuple):
    test: Judged
    drawn: Drawn


def render_result(result: Result, pictures: Sequence[Picture]) -> str:
    """The page of a result: the same one for the same result."""
    environment = build_environment("encdec.monitoring")
    style = source(environment, STYLE)
    word, kind = VERDICTS[result.verdict]
    return environment.get_template(PAGE).render(
        result=result,
        word=word,
        verdict_kind=kind,
        surest=result.surest(MOST_OF_A_FAMILY),
        charts=charts(result),
        pictures=[shown(picture) for picture in pictures],
        size=(WIDTH, HEIGHT, BASE),
        p_text=p_text,
        number=significant,
        style=Markup(style),
        policy=f"{SHUT}; style-src {digest(style)}",
    )


def charts(result: Result) -> list[Chart]:
    """Of what has drifted, the surest first; where nothing has, of the tests that came nearest."""
    tests = result.drifted or sorted(result.tests, key=lambda test: (test.corrected_p, test.p))
    most = MOST_SHIFTED if result.drifted else MOST_NEAREST
    return [Chart(test, draw(test.shape)) for test in tests if test.shape is not None][:most]


def shown(picture: Picture) -> Shown:
    return Shown(picture.words, picture.width, picture.height, data_uri(picture, LIGHT), data_uri(picture, DARK))


def data_uri(picture: Picture, theme: Theme) -> str:
    return f"data:image/png;base64,{b64encode(rendered(picture, theme)).decode()}"
