"""What the documents point to is there, in the repository and not only on the machine of who wrote it."""

import re
import subprocess
from pathlib import Path

import pytest


def test_every_relative_link_of_the_documents_is_a_file_of_the_repository(root: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("NO GIT REPOSITORY: THE LINKS OF THE DOCUMENTS WERE NOT CHECKED")
    tracked = {root / name for name in listed.stdout.split("\0") if name}
    links = [
        (document.relative_to(root), link)
        for document in tracked
        if document.suffix == ".md" and document.is_file()
        for link in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
        if "://" not in link
    ]
    assert len(links) > 10
    assert [(str(where), link) for where, link in links if (root / where.parent / link).resolve() not in tracked] == []
