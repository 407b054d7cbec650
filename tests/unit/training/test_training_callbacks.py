"""What callbacks cost a step."""

from pytorch_lightning import Callback

from encdec.training.callbacks import HOOKS_OF_A_STEP, History, KeepBest, Patience, ReseedEachStep, ShowProgress
from encdec.training.checkpoints import CheckpointsByTime

FILLED = {
    History: set(),
    KeepBest: set(),
    Patience: set(),
    ReseedEachStep: {"on_train_batch_start"},
    ShowProgress: {"on_train_batch_end"},
    CheckpointsByTime: {"on_train_batch_end"},
}


def test_lightning_is_given_the_hooks_of_a_step_that_do_something_and_no_others() -> None:
    for callback, filled in FILLED.items():
        assert {name for name in HOOKS_OF_A_STEP if callable(getattr(callback, name))} == filled


def test_the_hooks_are_all_that_lightning_calls_in_a_step() -> None:
    of_a_step = ("on_train_batch", "on_before", "on_after")
    assert {name for name in dir(Callback) if name.startswith(of_a_step)} == set(HOOKS_OF_A_STEP)
