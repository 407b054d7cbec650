"""Send to MLflow what stages recorded while its server was away.

A training goes on where the MLflow server cannot be reached: what it records is kept in .work/outbox, in order. The
next stage sends it before it begins, and so does this command. What was sent is never sent twice.

    encdec sync
    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 encdec sync
"""

from argparse import ArgumentParser


def add_arguments(parser: ArgumentParser) -> None:
    """It has none: the address of MLflow is that of the pipeline."""


def run() -> None:
    """Raises:
    TrackingUnavailable: MLflow cannot be reached.
    ValueError: not all could be sent.
    """
    from encdec.tracking.here import open_store_here
    from encdec.tracking.left import deliver, left_behind
    from encdec.tracking.outbox import shown

    store = open_store_here()
    here, problems, count = shown(store.uri), [], 0
    for left in left_behind(store):
        if left.store != here:
            problems.append(f"what {left.stage} recorded belongs to {left.store}: set MLFLOW_TRACKING_URI to that")
            continue
        operations = len(left.outbox.waiting)
        refused = deliver(left)
        if refused:
            problems.append(refused)
            continue
        count += 1
        print(f"{left.stage}: sent ({operations} operations)")
    if problems:
        raise ValueError("not all was sent:\n" + "\n".join(problems))
    if not count:
        print(f"nothing waits to be sent to {here}")
