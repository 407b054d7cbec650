"""`runs.html`: what differs from run to run, in a file beside the page, which works without it.

The page shows it in a hidden, sandboxed frame, which sends it its content. A script or a style sheet would not do: a
browser writes an error to the console where one is missing, and says nothing of a frame (seen in Chromium 15x, on
file: addresses). The file is neither in git nor in DVC: times, run ids and links are other bytes every time.
"""

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

from markupsafe import escape

RUNS_FILE = "runs.html"
PAGE_ID = re.compile(r'<meta name="encdec-page" content="([0-9a-f]{64})">')
FRAME = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'">
<title>Times and MLflow runs of index.html</title>
</head>
<body>
<h1>Times and MLflow runs</h1>
<p>Read by index.html beside this file, which shows them where they belong. Written by <code>{command}</code>.</p>
<pre id="runs">{content}</pre>
<script>
if (parent !== window) parent.postMessage(document.getElementById("runs").textContent, "*");
</script>
</body>
</html>
"""


class StageLine(NamedTuple):
    """What is known of the last run of a stage.

    `state`: ran, restored (its outs came from DVC's cache, and no run here made them) or running. `started`: seconds
    since 1970; `seconds`: how long it took; `commit`: of git, with a + where files were changed.
    """

    state: str
    run: str
    link: str
    started: float | None
    seconds: float | None
    commit: str


class Runs(NamedTuple):
    """`page`: the id of the page that these runs belong to; `repro`: the last `dvc repro`."""

    page: str
    repro: StageLine | None
    stages: Mapping[str, StageLine]


def page_id_of(page: str) -> str:
    """The id that a page carries, or nothing where it carries none."""
    found = PAGE_ID.search(page)
    return found[1] if found else ""


def runs_text(runs: Runs, *, command: str) -> str:
    """The whole file. The content is JSON in ASCII, escaped, so that nothing in it can become markup."""
    content = {
        "page": runs.page,
        "repro": runs.repro._asdict() if runs.repro else None,
        "stages": {name: line._asdict() for name, line in runs.stages.items()},
    }
    return FRAME.format(command=escape(command), content=escape(json.dumps(content, indent=1, sort_keys=True)))
