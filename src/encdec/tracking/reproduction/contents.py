"""Data by their digest: from DVC's cache, from its remote, or as they still lie in the project."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from encdec.tracking.digests import dvc_digest, file_digest, files_below, read_ignore
from encdec.tracking.project import Project


class Contents:
    """What the DVC of a project can give; each digest that is missing is asked of the remote once."""

    def __init__(self, project: Project) -> None:
        from dvc.repo import Repo

        self.project = project
        self.repo: Repo = Repo(str(project.tree))
        self.asked: set[str] = set()

    def bring(self, name: str, digest: str, tree: Path) -> bool:
        """Put the data with that digest to their path in another tree, unless they are there; whether they are now."""
        to = tree / name
        if to.exists() and dvc_digest(to, ignore=read_ignore(tree)) == digest:
            return True
        if self.listing(digest) is not None and self.complete(digest):
            self.check_out(digest, to)
        else:
            here = self.project.tree / name
            if not here.exists() or dvc_digest(here, ignore=read_ignore(self.project.tree)) != digest:
                return False
            copy(here, to)
        return dvc_digest(to, ignore=read_ignore(tree)) == digest

    def listing(self, digest: str) -> dict[str, str] | None:
        """The digests of the files of a folder by path, that of a single file by ""; None where it is not to be had."""
        from dvc_data.hashfile import load
        from dvc_data.hashfile.hash_info import HashInfo
        from dvc_data.hashfile.tree import Tree

        if not self.fetched([digest]):
            return None
        found = load(self.repo.cache.local, HashInfo("md5", digest))
        if not isinstance(found, Tree):
            return {"": digest}
        return {"/".join(key): str(info.value) for key, _, info in found}

    def complete(self, digest: str) -> bool:
        """Whether each file of what has that digest is in the cache, or came there now."""
        return self.fetched(list((self.listing(digest) or {}).values()))

    def fetched(self, digests: Sequence[str]) -> bool:
        """Whether the cache holds them all, after the remote was asked for those that it does not."""
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        cache = self.repo.cache.local
        missing = [digest for digest in digests if not cache.exists(digest)]
        unasked = set(missing) - self.asked
        if unasked and self.repo.config["core"].get("remote"):
            self.asked |= unasked
            try:
                self.repo.cloud.pull([HashInfo("md5", digest) for digest in sorted(unasked)])
            except (DvcException, OSError) as error:
                raise OSError(f"DVC's remote could not be asked for {len(unasked)} digests: {error}") from error
        return all(cache.exists(digest) for digest in missing)

    def read(self, digest: str) -> bytes | None:
        """A file by its digest."""
        if not self.fetched([digest]):
            return None
        return Path(self.repo.cache.local.oid_to_path(digest)).read_bytes()

    def check_out(self, digest: str, to: Path) -> None:
        from dvc.fs import localfs
        from dvc_data.hashfile import load
        from dvc_data.hashfile.checkout import checkout
        from dvc_data.hashfile.hash_info import HashInfo

        cache = self.repo.cache.local
        remove(to)
        to.parent.mkdir(parents=True, exist_ok=True)
        checkout(str(to), localfs, load(cache, HashInfo("md5", digest)), cache, force=True, quiet=True)


def file_digests(path: Path) -> dict[str, str]:
    """As `Contents.listing` gives them, of what lies at a path."""
    if path.is_dir():
        return {file.relative_to(path).as_posix(): file_digest(file) for file in files_below(path, None)}
    return {"": file_digest(path)} if path.exists() else {}


def copy(here: Path, to: Path) -> None:
    remove(to)
    to.parent.mkdir(parents=True, exist_ok=True)
    if here.is_dir():
        shutil.copytree(here, to)
    else:
        shutil.copyfile(here, to)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
