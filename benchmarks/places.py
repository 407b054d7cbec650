"""Where the benchmarks find the project and keep what they make."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "benchmarks" / ".work"
"""Git-ignored: the peers' environments, a project with prepared data, the files that competitors read."""
PROJECT = WORK / "project"
PEERS = WORK / "peers"
EXCHANGE = WORK / "exchange"
RESULTS = WORK / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"
