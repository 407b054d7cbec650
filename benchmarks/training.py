"""Training throughput of every model through `fit`, beside bare PyTorch loops and the peers, alternating in one run.

Does not measure the rest of a stage (imports, tracking set-up): that is benchmarks/overhead.py.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks import peers
from benchmarks.cases import BATCH_SIZE, CASES, COMPETITORS, TARGET_ERROR, TITLES, Case, Competitor, find_case
from benchmarks.document import document
from benchmarks.machine import Machine, describe_machine
from benchmarks.parameters import STRICT, Overrides, case_params
from benchmarks.places import EXCHANGE, ROOT, WORK
from benchmarks.preparation import Sources, environment, prepare_data
from benchmarks.results import Run, read_runs, run_of, write_runs

RESULTS = ROOT / "benchmarks" / "results" / "training.csv"
QUICK_RESULTS = WORK / "results" / "training.csv"
MACHINE = "machine.json"
TRANSLATORS: tuple[Competitor, ...] = ("joeynmt", "opennmt", "opennmt_input_feed")
FIRST_SEED = 11
EVERY = 100
"""Steps between two looks at the error rate."""
NO_LIMIT = 10**9
QUICK_STEPS = 20
PEER_EPOCHS = 20
"""Until then a peer of seq2seq has reached the error rate, or it never will."""
ADAM_RATE = 1e-3
"""The constant rate of plain Adam, in the bare loop and for every peer."""
OPENNMT_HIDDEN = 384
"""OpenNMT-py's two directions share the hidden size; with this one it has as many parameters as the others."""
MODULES: dict[Competitor, str] = {
    "project": "project_training",
    "project_strict": "project_training",
    "bare_adam": "bare_training",
    "bare_fused": "bare_training",
    "pythae": "pythae_training",
    "pyod": "pyod_training",
    "joeynmt": "joeynmt_training",
    "opennmt": "opennmt_training",
    "opennmt_input_feed": "opennmt_training",
}


class Job(NamedTuple):
    """One process to run."""

    case: Case
    competitor: Competitor
    round: int

    @property
    def seed(self) -> int:
        return FIRST_SEED + self.round

    @property
    def peer(self) -> str | None:
        """The environment, where it is not this project's."""
        name = self.competitor.removesuffix("_input_feed")
        return name if name in peers.PACKAGES else None


def plan(
    cases: Sequence[Case], competitors: Sequence[Competitor], rounds: int, *, translator_rounds: int
) -> Iterator[Job]:
    """Case by case, and in each round every competitor once; the next round begins with the next competitor.

    The peers of seq2seq, of which a run takes minutes, are in the first `translator_rounds` rounds alone.
    """
    for case in cases:
        chosen = [each for each in case.competitors if each in competitors]
        for number in range(rounds):
            shift = number % max(len(chosen), 1)
            for each in (*chosen[shift:], *chosen[:shift]):
                if number < translator_rounds or each not in TRANSLATORS:
                    yield Job(case, each, number)


def values_of(case: Case, competitor: Competitor) -> Overrides:
    return {**case.values, **STRICT} if competitor != "project" else case.values


def request_of(job: Job, *, sources: Sources, threads: int, quick: bool) -> dict[str, Any]:
    """What the process is told."""
    case, inside = job.case, values_of(job.case, job.competitor)
    _, spec = case_params(case.name, case.model, inside=inside, outside=sources.values)
    is_pairs = case.kind == "pairs"
    exchange = EXCHANGE / case.kind
    patient = is_pairs and job.peer is not None and not quick
    common = {
        "case": case.name,
        "competitor": job.competitor,
        "model": case.model,
        "inside": inside,
        "outside": sources.values,
        "spec": spec.model_dump(mode="json"),
        "seed": job.seed,
        "threads": threads,
        "epochs": 1 if quick else case.epochs,
        "max_steps": QUICK_STEPS if quick else NO_LIMIT,
        "batch_size": BATCH_SIZE,
        "learning_rate": ADAM_RATE,
        "exchange": str(exchange),
        "work": str(WORK / "runs" / f"{case.name}-{job.competitor}"),
        "every": (QUICK_STEPS // 2 if quick else EVERY) if is_pairs else 0,
        "sample": str(exchange / "sample.json"),
        "target_error": TARGET_ERROR,
    }
    if not is_pairs:
        return common
    steps = PEER_EPOCHS * 1000 if patient else QUICK_STEPS
    return common | {
        "max_epochs": PEER_EPOCHS if patient else 1,
        "max_steps": steps if job.peer else common["max_steps"],
        "hidden_dim": OPENNMT_HIDDEN,
        "input_feed": job.competitor == "opennmt_input_feed",
        "bucket_size": 262144,
        "num_workers": 0,
    }


def execute(job: Job, *, sources: Sources, threads: int, quick: bool) -> Run:
    """Run the process and read its answer.

    Raises:
        RuntimeError: it failed; its own last lines are in the message.
    """
    request = request_of(job, sources=sources, threads=threads, quick=quick)
    work = Path(request["work"])
    work.mkdir(parents=True, exist_ok=True)
    path = work / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    python = sys.executable if job.peer is None else str(peers.interpreter(job.peer))
    own = {**environment(), "OMP_NUM_THREADS": str(threads)}
    if job.peer is not None:
        own["PYTHONPATH"] = str(ROOT)
    command = [python, "-W", "ignore", "-m", f"benchmarks.workers.{MODULES[job.competitor]}", str(path)]
    done = subprocess.run(command, cwd=work, env=own, capture_output=True, text=True)
    (work / "log.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-12:])
        raise RuntimeError(
            f"{TITLES[job.competitor]} failed on {job.case.name}; all it said is in {work}/log.txt:\n{last}"
        )
    return run_of(
        json.loads(done.stdout.splitlines()[-1]),
        case=job.case.name,
        competitor=job.competitor,
        round_=job.round,
        seed=job.seed,
        threads=threads,
        target=TARGET_ERROR,
    )


def told(run: Run) -> str:
    value = "" if run.value is None else f", {run.metric} {run.value:.4f}"
    error = "" if run.error_rate is None else f", error rate {run.error_rate:.3f}"
    return f"{TITLES[run.competitor]:31} {run.rate:9,.0f}/s in {run.seconds:6.1f} s{value}{error}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    names = [case.name for case in CASES]
    parser.add_argument("--model", nargs="+", choices=names, default=names, metavar="CASE", help=", ".join(names))
    parser.add_argument("--competitor", nargs="+", choices=COMPETITORS, default=list(COMPETITORS), metavar="NAME",
                        help=", ".join(COMPETITORS))  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="each competitor so many times, with another seed (3)")
    parser.add_argument("--translator-rounds", type=int, default=1, help="of joeynmt and OpenNMT-py (1)")
    parser.add_argument("--threads", type=int, default=1, help="of torch, for every competitor (1, as in params.yaml)")
    parser.add_argument("--quick", action="store_true", help="a few steps, one round: is everything in its place?")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    results = QUICK_RESULTS if given.quick else RESULTS
    jobs = list(
        plan(
            [find_case(name) for name in given.model],
            given.competitor,
            rounds,
            translator_rounds=given.translator_rounds,
        )
    )
    for peer in sorted({job.peer for job in jobs if job.peer}):
        peers.ensure(peer)
    sources = prepare_data()
    machine = describe_machine(torch.__version__, threads=given.threads, sources=sources)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"NOTE: the machine is not idle (load {load:.1f}): figures will be rough", file=sys.stderr)
    kept = keep_others(results, jobs, machine)
    runs: list[Run] = []
    failed = 0
    for number, job in enumerate(jobs, start=1):
        try:
            run = execute(job, sources=sources, threads=given.threads, quick=given.quick)
        except RuntimeError as error:
            failed += 1
            print(f"{number:3} of {len(jobs)}  {error}", file=sys.stderr)
            continue
        runs.append(run)
        print(f"{number:3} of {len(jobs)}  {job.case.name:21} {told(run)}", flush=True)
        write_runs(results, [*kept, *runs])
        (results.parent / MACHINE).write_text(json.dumps(machine, indent=1) + "\n", encoding="utf-8")
    if runs and not given.quick:
        document(results)
    if failed:
        sys.exit(f"{failed} of {len(jobs)} runs failed; the others are in {results}")


def keep_others(results: Path, jobs: Sequence[Job], machine: Machine) -> list[Run]:
    """What an earlier run measured on the same machine and data of cases of which nothing is measured now.

    A ratio is one of runs that took turns, so a case is never put together from two sessions. Rows of another machine,
    of another number of threads or of other versions are left out: the page names one for all.
    """
    measured = {job.case.name for job in jobs}
    beside = results.parent / MACHINE
    if not results.is_file() or not beside.is_file():
        return []
    before = json.loads(beside.read_text(encoding="utf-8"))
    if {**before, "load": machine["load"]} != machine:
        return []
    return [run for run in read_runs(results) if run.case not in measured]


if __name__ == "__main__":
    main()
