"""A decision as one self-contained page: everything of it is escaped, and it loads nothing from anywhere."""

from base64 import b64encode
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from encdec.promotion.decision import Decision, verdict
from encdec.promotion.drawing import WIDTH, draw_gains
from encdec.promotion.sentences import better_of, interval_text

STYLE, PAGE = "decision.css", "decision.html.jinja"
SHUT = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
WORDS = {"model": "better", "baseline": "worse", "unclear": "no clear difference"}


def render_decision(decision: Decision) -> str:
    """The page of a decision: the same one for the same decision."""
    environment = Environment(
        loader=PackageLoader("encdec.promotion"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    assert environment.loader is not None
    style = environment.loader.get_source(environment, STYLE)[0]
    return environment.get_template(PAGE).render(
        decision=decision,
        verdict=verdict(decision),
        gains=draw_gains(decision.metrics, decision.checks),
        width=WIDTH,
        words=WORDS,
        interval=interval_text,
        better=better_of,
        style=Markup(style),
        policy=f"{SHUT}; style-src 'sha256-{digest(style)}'",
    )


def digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
