"""A decision as one self-contained page: everything of it is escaped, and it loads nothing from anywhere."""

from markupsafe import Markup

from encdec.promotion.decision import Decision, verdict
from encdec.promotion.drawing import WIDTH, draw_gains
from encdec.promotion.sentences import better_of, interval_text
from encdec.report.page import build_environment, digest, source

STYLE, PAGE = "decision.css", "decision.html.jinja"
SHUT = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
WORDS = {"model": "better", "baseline": "worse", "unclear": "no clear difference"}


def render_decision(decision: Decision) -> str:
    """The page of a decision: the same one for the same decision."""
    environment = build_environment("encdec.promotion")
    style = source(environment, STYLE)
    return environment.get_template(PAGE).render(
        decision=decision,
        verdict=verdict(decision),
        gains=draw_gains(decision.metrics, decision.checks),
        width=WIDTH,
        words=WORDS,
        interval=interval_text,
        better=better_of,
        style=Markup(style),
        policy=f"{SHUT}; style-src {digest(style)}",
    )
