"""Turns values into the page: escapes all of them, and lets the browser run and load nothing but what is in it."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

STYLE, SCRIPT, PAGE = "style.css", "page.js", "index.html.jinja"
NO_ID = "0" * 64


def render_page(**values: Any) -> str:
    """The page of these values, with its id: the digest of all else in it, by which a file beside it knows it."""
    environment = build_environment("encdec.report")
    style, script = source(environment, STYLE), source(environment, SCRIPT)
    fixed = {"style": Markup(style), "script": Markup(script), "policy": policy(style, script), "page_id": NO_ID}
    page = environment.get_template(PAGE).render(**values, **fixed)
    return page.replace(NO_ID, sha256(page.encode()).hexdigest(), 1)


def build_environment(package: str) -> Environment:
    """The templates of a package. All that is put into a page is escaped; a name without a value is a mistake."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def source(environment: Environment, name: str) -> str:
    """A file of ours, as it is: it holds no value of the data."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def policy(style: str, script: str) -> str:
    """A Content-Security-Policy: pictures inside the page, our own style and script, and the one frame beside it.

    The network stays shut: 'self' is the folder of the page on a file: address, and its own server on others.
    """
    allowed = {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": digest(style),
        "script-src": digest(script),
        "frame-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{directive} {value}" for directive, value in allowed.items())


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
