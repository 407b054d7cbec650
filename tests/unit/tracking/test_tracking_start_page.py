from pathlib import Path

import mlflow.server

from encdec.tracking.server import SEEN, marked


def test_the_page_of_mlflow_is_whole_and_ours_comes_before_its_scripts() -> None:
    index = Path(mlflow.server.__file__).parent / mlflow.server.REL_STATIC_DIR / "index.html"
    page = marked(index)
    assert page.replace(SEEN, "", 1) == index.read_text(encoding="utf-8")
    assert page.count(SEEN) == 1
    assert page.index("<head") < page.index(SEEN) < page.index("<script", page.index(SEEN) + 1)
    assert page.index(SEEN) == page.index("<script")
