"""`make play`: a local page to draw, type and see what the trained models make of it.

It shows the models of the last `dvc repro`. A model from the registry or of a run takes the place of the one of its
name:

  python -m encdec.playground --model vae=models:/vae@champion
  python -m encdec.playground --model vae=models:/vae/3 --model cnn=runs:/0123456789abcdef
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from encdec.params.loading import load_params
from encdec.params.root import MODEL_NAMES, ModelName
from encdec.playground.serving import prepare_environment, serve, temporary_uploads
from encdec.tracking.project import find_project
from encdec.tracking.ui import taken

PORT = 7860


def main(arguments: Sequence[str]) -> int:
    given = parser().parse_args(arguments)
    if find_spec("gradio") is None:
        print("the playground needs gradio, which is not installed: run `make play`", file=sys.stderr)
        return 1
    if taken(given.host, given.port):
        print(
            f"port {given.port} on {given.host} is in use: stop what uses it, or choose another: "
            f"make play PLAY_PORT={given.port + 1}",
            file=sys.stderr,
        )
        return 1
    with temporary_uploads() as folder:
        prepare_environment(Path(folder) / "uploads")
        play(given, fetched=Path(folder) / "models")
    return 0


def play(given: argparse.Namespace, *, fetched: Path) -> None:
    """Load the models, build the page and serve it."""
    import torch

    from encdec.playground.known import get_to_know
    from encdec.playground.opening import Chosen, open_everything
    from encdec.playground.page import build_page, page_css

    project = find_project(Path.cwd())
    params = load_params(project.tree / "params.yaml").params
    torch.set_num_threads(params.threads)
    chosen: dict[ModelName, Chosen] = {}
    if given.model:
        from encdec.tracking.registry import fetch_model
        from encdec.tracking.store import open_store

        store = open_store(params.tracking.experiment, project)
        for name, address in given.model:
            chosen[name] = Chosen(fetch_model(store, address, to=fetched / name), address)
    opened = open_everything(given.models, given.prepared, chosen=chosen)
    known = get_to_know(opened, seed=params.seed)
    serve(build_page(opened, known, seed=params.seed), css=page_css(), host=given.host, port=given.port)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m encdec.playground", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--port", type=int, default=PORT, help=f"where to listen (default {PORT})")
    made.add_argument("--host", default="127.0.0.1", help="127.0.0.1, the default, is this machine alone")
    made.add_argument(
        "--model",
        type=address_of,
        action="append",
        metavar="NAME=ADDRESS",
        help="a model from MLflow in place of the last run's: NAME is one of "
        f"{', '.join(MODEL_NAMES)}; ADDRESS is models:/NAME@ALIAS, models:/NAME/VERSION, models:/m-ID or runs:/ID. "
        "May be given several times",
    )
    made.add_argument("--models", type=Path, default=Path("data/05_models"), help="trained models, a folder each")
    made.add_argument("--prepared", type=Path, default=Path("data/03_prepared"), help="the data that they learned from")
    return made


def address_of(text: str) -> tuple[ModelName, str]:
    name, _, address = text.partition("=")
    found = next((known for known in MODEL_NAMES if known == name), None)
    if found is None:
        raise argparse.ArgumentTypeError(f"{name!r} is no model; choose one of {', '.join(MODEL_NAMES)}")
    if not address:
        raise argparse.ArgumentTypeError(f"{text!r} names no address; write {name}=models:/{name}@champion")
    return found, address


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (ValueError, OSError) as error:
        if os.environ.get("ENCDEC_TRACEBACK"):
            raise
        sys.exit(str(error))
