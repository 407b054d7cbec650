"""What a stage records arrives whole, in order and once, whatever becomes of the store and of the process."""

import json
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError

from encdec.tracking import outbox as outboxes
from encdec.tracking.left import deliver, left_behind, send_left
from encdec.tracking.operations import Batch, Child, End, Files, Text
from encdec.tracking.outbox import SEND_SECONDS, Outbox, begin
from encdec.tracking.recorder import points_of
from encdec.tracking.store import Store, TrackingUnavailable, search


@pytest.fixture
def run_id(store: Store) -> str:
    return str(store.client.create_run(store.experiment_id).info.run_id)


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return begin(store, "train@vae")


def history(store: Store, run_id: str, name: str) -> list[tuple[int, float]]:
    return [(metric.step, metric.value) for metric in store.client.get_metric_history(run_id, name)]


def log(outbox: Outbox, run_id: str, step: int, *, continued: bool = False) -> None:
    points, tags = points_of({"loss": 1.0 / (step + 1)}, step)
    outbox.put(Batch(run=run_id, metrics=points, tags=tags, continued=continued), later=True)
    outbox.send_due()


class Clock:
    """Stands still but when a test or a call moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(outboxes, "time", clock)
    return clock


def calls_taking(
    monkeypatch: pytest.MonkeyPatch, store: Store, clock: Clock, seconds: Callable[[int], float]
) -> list[float]:
    """When log_batch was called; call n takes `seconds(n)`, from 1."""
    calls: list[float] = []

    def call(self: MlflowClient, run_id: str, **batch: object) -> None:
        calls.append(clock.now)
        clock.now += seconds(len(calls))

    monkeypatch.setattr(type(store.client), "log_batch", call)
    return calls


def test_a_slow_run_is_seen_as_it_goes(store: Store, outbox: Outbox, run_id: str, clock: Clock) -> None:
    seen = []
    for step, clock.now in enumerate([0.0, SEND_SECONDS - 0.1, SEND_SECONDS]):
        log(outbox, run_id, step)
        seen.append(len(history(store, run_id, "loss")))
    assert seen == [1, 1, 3]


def test_a_slow_store_takes_no_more_than_its_share_of_the_time(
    store: Store, outbox: Outbox, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_taking(monkeypatch, store, clock, lambda call: 2.0)
    for step in range(5000):
        clock.now += 1.0  # an epoch
        log(outbox, run_id, step)
    # a call of 2 s, then none for 2 s * 200: in 5,000 s at 1, 403, 805, ... the 13th at 4,825
    assert calls == [1.0 + 402.0 * call for call in range(13)]
    assert 2.0 * len(calls) / clock.now < 1 / 100


def test_a_store_that_was_slow_once_is_not_left_alone_for_long(
    store: Store, outbox: Outbox, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_taking(monkeypatch, store, clock, lambda call: 120.0 if call in (1, 10) else 0.001)
    for step in range(2000):
        clock.now += 1.0
        log(outbox, run_id, step)
    pauses = [later - earlier for earlier, later in pairwise(calls)]
    assert calls[0] == 1
    assert 900 <= pauses[0] - 120 < 903, "the first call says all that is known"
    assert all(pause <= 120 + SEND_SECONDS + 1 for pause in pauses[1:]), pauses
    assert len(calls) > 100


def test_epochs_that_the_run_has_say_nothing_about_how_long_a_call_takes(
    store: Store, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = begin(store, "train@vae")
    for step in range(20):
        log(first, run_id, step)
    first.close(patience=0)
    calls = calls_taking(monkeypatch, store, clock, lambda call: 2.0)
    continued = begin(store, "train@vae")
    for step in range(500):
        clock.now += 1.0
        log(continued, run_id, step, continued=True)
    assert calls == [21, 423], "2 s, then none for 2 s * 200"


def test_a_continued_run_does_not_write_a_step_twice(store: Store, run_id: str) -> None:
    for steps in (range(3), range(5)):  # it starts again from an earlier checkpoint
        outbox = begin(store, "train@vae")
        for step in steps:
            log(outbox, run_id, step, continued=True)
        outbox.close(patience=0)
    assert history(store, run_id, "loss") == [(step, 1.0 / (step + 1)) for step in range(5)]
    assert not list(outbox.folder.parent.iterdir()), "nothing is left of what was sent"


class Away:
    """Lets every call of the store fail, as a server that is gone lets it, until it is back."""

    def __init__(self, store: Store) -> None:
        self.patch = pytest.MonkeyPatch()
        self.calls = 0
        self.patch.setattr(outboxes, "is_away", lambda uri, error: True)
        for name in (
            "log_batch",
            "create_run",
            "log_text",
            "log_artifact",
            "log_artifacts",
            "get_run",
            "get_experiment",
        ):
            self.patch.setattr(type(store.client), name, self.fail)

    def fail(self, *arguments: object, **named: object) -> None:
        self.calls += 1
        raise MlflowException("API request failed: connection refused")

    def back(self) -> None:
        self.patch.undo()


@pytest.fixture
def leave(store: Store) -> Iterator[Callable[[], Away]]:
    """Call it, and the store is away."""
    gone: list[Away] = []

    def go() -> Away:
        gone.append(Away(store))
        return gone[-1]

    yield go
    for away in gone:
        away.back()


def test_what_could_not_be_sent_is_sent_later_in_order_and_once(
    store: Store, outbox: Outbox, run_id: str, leave: Callable[[], Away], tmp_path: Path
) -> None:
    away = leave()
    for step in range(3):
        log(outbox, run_id, step)
    outbox.put(Child(run="key", parent=run_id, name="trial 1", tags={"stage": "trial"}))
    outbox.put(Batch(run="key", metrics=points_of({"loss": math.nan}, 0)[0], tags={"optuna.state": "PRUNED"}))
    outbox.put(End(run="key", status="KILLED", at=4_000_000_000_000))
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.png").write_bytes(b"picture")
    outbox.put(Files(run=run_id, folder=None, attachments={"figures": str(tmp_path / "figures")}))
    (tmp_path / "figures" / "a.png").write_bytes(b"another")  # the next run of the stage
    outbox.put(Text(run=run_id, text="why", path="log/why.txt"))
    outbox.close(patience=0)
    assert outbox.folder.is_dir()
    away.back()
    assert not history(store, run_id, "loss")
    send_left(store)
    send_left(store)
    assert history(store, run_id, "loss") == [(0, 1.0), (1, 1 / 2), (2, 1 / 3)]
    (child,) = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert (child.info.run_name, child.info.status, child.info.end_time) == ("trial 1", "KILLED", 4_000_000_000_000)
    assert child.data.tags["optuna.state"] == "PRUNED"
    assert Path(store.client.download_artifacts(run_id, "figures/a.png")).read_bytes() == b"picture"
    assert Path(store.client.download_artifacts(run_id, "log/why.txt")).read_text() == "why"
    assert not list(outbox.folder.parent.iterdir())


def test_a_server_that_comes_back_while_the_stage_ends_gets_the_rest(
    store: Store, outbox: Outbox, run_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, leave: Callable[[], Away]
) -> None:
    away = leave()
    log(outbox, run_id, 0)
    sleep = clock.sleep

    def until_it_is_back(seconds: float) -> None:
        sleep(seconds)
        if clock.now > 5:
            away.back()

    monkeypatch.setattr(clock, "sleep", until_it_is_back)
    outbox.close(patience=30)
    assert history(store, run_id, "loss") == [(0, 1.0)]
    assert not outbox.folder.exists()


def test_a_server_that_is_away_is_not_asked_again_at_every_step(
    store: Store, outbox: Outbox, run_id: str, clock: Clock, leave: Callable[[], Away]
) -> None:
    away = leave()
    for step in range(1000):
        clock.now += 0.01
        log(outbox, run_id, step)
        outbox.put(Text(run=run_id, text="a", path="a.txt"))
    assert away.calls <= 11  # in 10 seconds, one each second
    away.back()
    outbox.close(patience=0)
    assert len(history(store, run_id, "loss")) == 1000


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_is_killed_while_it_sends_leaves_nothing_twice(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Between what MLflow took and the note that it did."""
    outbox = begin(store, "tune@vae")

    def die(*arguments: object, **named: object) -> None:
        raise SystemError

    with monkeypatch.context() as patch:
        if moment == "before":
            patch.setattr(type(store.client), "create_run", die)
        else:
            patch.setattr(outboxes, "write_json", die)
        with pytest.raises(SystemError):
            outbox.put(Child(run="key", parent=run_id, name="trial 1", tags={}))
    outbox.release()
    send_left(store)
    (child,) = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert child.info.run_name == "trial 1"


def test_a_line_that_a_kill_cut_off_is_left_out(store: Store, outbox: Outbox, run_id: str) -> None:
    points, _ = points_of({"loss": 1.0}, 0)
    outbox.put(Batch(run=run_id, metrics=points), later=True)
    with (outbox.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"number": 1, "operation": {"kind": "ba')
    outbox.release()
    send_left(store)
    assert history(store, run_id, "loss") == [(0, 1.0)]


def test_a_line_that_a_full_disk_cut_off_is_left_out_and_those_behind_it_are_not(
    store: Store, outbox: Outbox, run_id: str
) -> None:
    outbox.put(Batch(run=run_id, params={"beta": "1.0"}), later=True)
    with (outbox.folder / "journal.jsonl").open("a") as journal:
        journal.write('{"number": 1, "operation": {"kind": "ba')
    outbox.torn = True  # as the error leaves it
    outbox.put(Batch(run=run_id, metrics=points_of({"loss": 1.0}, 0)[0]), later=True)
    outbox.release()
    send_left(store)
    assert history(store, run_id, "loss") == [(0, 1.0)]
    assert store.client.get_run(run_id).data.params == {"beta": "1.0"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("about.json", ""),
        ("about.json", "{}"),
        ("sent.json", ""),
        ("journal.jsonl", '{"number": 0, "operation": {"kind": "of a later version"}}\n'),
    ],
)
def test_an_outbox_that_cannot_be_read_is_named_and_stops_nobody(
    store: Store, outbox: Outbox, run_id: str, capsys: pytest.CaptureFixture[str], file: str, content: str
) -> None:
    outbox.put(Batch(run=run_id, params={"beta": "1.0"}), later=True)
    (outbox.folder / file).write_text(content)
    outbox.release()
    other = begin(store, "train@cnn")
    other.put(Batch(run=run_id, params={"gamma": "1.0"}), later=True)
    other.release()
    send_left(store)
    assert store.client.get_run(run_id).data.params == {"gamma": "1.0"}
    assert f"{outbox.folder}: cannot be read" in capsys.readouterr().err
    assert (outbox.folder / file).read_text() == content


@pytest.mark.parametrize("problem", [HTTPError("413 Request Entity Too Large"), FileNotFoundError("a copy is gone")])
def test_what_fails_for_good_is_said_and_stops_nobody(
    store: Store, outbox: Outbox, run_id: str, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    outbox.put(Text(run=run_id, text="why", path="why.txt"), later=True)
    outbox.release()

    def refuse(*arguments: object) -> None:
        raise problem

    monkeypatch.setattr(type(store.client), "log_text", refuse)
    (left,) = left_behind(store)
    assert f"what train@vae recorded is kept in {outbox.folder}" in str(deliver(left))


def test_a_server_that_is_there_and_fails_at_one_thing_stops_nobody(
    store: Store, outbox: Outbox, run_id: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right to that run was taken away, say: it looks as if the server were away."""
    outbox.put(Text(run=run_id, text="why", path="why.txt"), later=True)
    outbox.release()

    def fail(*arguments: object) -> None:
        raise MlflowException("500")

    monkeypatch.setattr(type(store.client), "log_text", fail)
    monkeypatch.setattr(outboxes, "is_away", lambda uri, error: True)
    send_left(store)
    assert "is there, and fails at it" in capsys.readouterr().err


def test_what_was_recorded_goes_to_the_experiment_of_then(store: Store, run_id: str) -> None:
    outbox = begin(store, "tune@vae")
    outbox.put(Child(run="key", parent=run_id, name="trial 1", tags={}), later=True)
    outbox.release()
    now = store._replace(experiment_id=store.client.create_experiment("another"))
    send_left(now)
    (child,) = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert child.info.run_name == "trial 1"


def test_who_is_interrupted_while_a_trial_is_made_makes_no_second_one(
    store: Store, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the server has heard it; the run is then closed with all that waits."""
    outbox = begin(store, "tune@vae")
    create_run = type(store.client).create_run

    def heard(self: MlflowClient, *arguments: object, **named: object) -> None:
        create_run(self, *arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(store.client), "create_run", heard)
        with pytest.raises(KeyboardInterrupt):
            outbox.put(Child(run="key", parent=run_id, name="trial 1", tags={}))
    outbox.put(End(run="key", status="KILLED", at=1))
    outbox.close(patience=0)
    (child,) = search(store, f"tags.`mlflow.parentRunId` = '{run_id}'")
    assert child.info.status == "KILLED"


def test_a_living_process_sends_by_itself(store: Store, outbox: Outbox, run_id: str) -> None:
    outbox.put(Batch(run=run_id, metrics=points_of({"loss": 1.0}, 0)[0]), later=True)
    send_left(store)
    assert not history(store, run_id, "loss")


def test_what_belongs_to_another_server_is_left_alone(store: Store, outbox: Outbox, run_id: str) -> None:
    outbox.put(Batch(run=run_id, metrics=points_of({"loss": 1.0}, 0)[0]), later=True)
    about = outbox.folder / "about.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "store": "http://elsewhere"}))
    outbox.release()
    send_left(store)
    (left,) = left_behind(store)
    assert (left.store, len(left.outbox.waiting)) == ("http://elsewhere", 1)


def test_what_mlflow_refuses_stops_no_other_stage(
    store: Store, outbox: Outbox, run_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox.put(Batch(run=run_id, params={"beta": "1.0"}))
    outbox.put(Batch(run=run_id, params={"beta": "2.0"}), later=True)
    outbox.release()
    other = begin(store, "train@cnn")
    log(other, run_id, 0)
    other.release()
    send_left(store)
    assert history(store, run_id, "loss") == [(0, 1.0)]
    said = capsys.readouterr().err
    assert "refuses it" in said
    assert f"what train@vae recorded is kept in {outbox.folder}" in said


def test_a_server_that_has_gone_again_stops_a_stage_before_it_begins(
    store: Store, outbox: Outbox, run_id: str, leave: Callable[[], Away]
) -> None:
    log(outbox, run_id, 0)
    outbox.put(Batch(run=run_id, params={"beta": "1.0"}), later=True)
    outbox.release()
    away = leave()
    with pytest.raises(TrackingUnavailable, match="what train@vae recorded is kept in"):
        send_left(store)
    away.back()
    send_left(store)
    assert store.client.get_run(run_id).data.params == {"beta": "1.0"}


def test_the_journal_names_no_password(store: Store, run_id: str) -> None:
    elsewhere = store._replace(uri="https://ann:s3cret@example.org/mlflow")
    outbox = begin(elsewhere, "train@vae")
    assert "s3cret" not in (outbox.folder / "about.json").read_text()
    assert json.loads((outbox.folder / "about.json").read_text())["store"] == "https://example.org/mlflow"
