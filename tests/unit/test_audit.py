"""What .ci/audit makes of pip-audit's answers: a package that nobody could look up is no pass."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CLEAN: dict[str, Any] = {"name": "numpy", "version": "2.3.0", "vulns": []}
FLAWED: dict[str, Any] = {
    "name": "pillow",
    "version": "11.0.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["11.3.0"], "aliases": ["CVE-2025-48379"], "description": "an overflow"}
    ],
}
MISSED: dict[str, Any] = {"name": "zipp", "skip_reason": "Dependency not found on PyPI and could not be audited"}


@pytest.fixture(scope="module")
def audit(root: Path) -> ModuleType:
    loader = SourceFileLoader("audit", str(root / ".ci" / "audit"))
    spec = spec_from_loader("audit", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("dependencies", "status", "said"),
    [
        ([CLEAN], 0, "x.lock: 1 packages looked up, 0 vulnerabilities"),
        ([CLEAN, FLAWED], 1, "  pillow 11.0.0: PYSEC-1 (CVE-2025-48379), mended in 11.3.0"),
        ([CLEAN, MISSED], 2, "x.lock: NOT AUDITED, and that is no pass: zipp: the vulnerability service"),
        ([FLAWED, MISSED], 1, "x.lock: NOT AUDITED, and that is no pass: zipp: the vulnerability service"),
        ([], 2, "x.lock: NOT AUDITED, and that is no pass: nothing: "),
        ([MISSED] * 7, 2, "zipp, zipp, zipp, zipp, zipp and 2 more: "),
    ],
)
def test_only_what_was_looked_up_and_has_nothing_passes(
    audit: ModuleType, dependencies: list[dict[str, Any]], status: int, said: str
) -> None:
    verdict = audit.judge("x.lock", dependencies)
    assert verdict.status == status
    assert said in verdict.text


def test_a_program_that_fails_is_no_pass(audit: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'cannot resolve api.osv.dev' >&2\nexit 1\n")
    program.chmod(0o755)
    verdict = audit.audit(program, Path("requirements.lock"), [])
    assert verdict == (2, "requirements.lock: NOT AUDITED, and that is no pass: cannot resolve api.osv.dev")


def test_the_program_itself_is_locked(root: Path) -> None:
    lines = [line for line in (root / ".ci" / "audit.lock").read_text().splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert any(line.startswith("pip_audit==") for line in lines)
