"""MLflow's own server in one process, for `make ui`; the address of the store comes by environment (see ui.py)."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

SEEN = """<script>
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
if (!localStorage.getItem("mlflow.workflowType_v1")) {
  localStorage.setItem("mlflow.workflowType_v1", JSON.stringify("machine_learning"));
}
</script>"""
"""What MLflow keeps in the browser, set before its first page. It would open its Assistant, a chat that wants a
language model, over a quarter of the table: now only its button does. And it would show every page whose address does
not say otherwise, such as a run's, as one of its GenAI mode; whoever chose a mode by hand keeps it."""


def main(host: str, port: int) -> None:
    import uvicorn
    from mlflow.server.fastapi_app import app

    add_start_page(app)
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=3)


def add_start_page(app: "FastAPI") -> None:
    """Answer / with MLflow's own page, marked as `SEEN`, before MLflow does."""
    import mlflow.server
    from starlette.requests import Request
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    page = marked(Path(mlflow.server.__file__).parent / mlflow.server.REL_STATIC_DIR / "index.html")

    async def start(_: Request) -> HTMLResponse:
        return HTMLResponse(page)

    app.router.routes.insert(0, Route("/", start))


def marked(index: Path) -> str:
    """MLflow's page with our script before its own."""
    return re.sub(r"(<head\b[^>]*>)", lambda head: head[1] + SEEN, index.read_text(encoding="utf-8"), count=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    main(given.host, given.port)
