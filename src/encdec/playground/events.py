"""How an event of the page calls a function: never listed as an API, and without a spinner over the answer."""

from collections.abc import Callable, Sequence

from gradio.blocks import Block


def connect(
    event: Callable[..., object],
    function: Callable[..., object],
    inputs: Block | Sequence[Block] | None,
    outputs: Block | Sequence[Block],
) -> None:
    """Run `function` at each such event; of those that come while it runs, at the newest alone.

    So strokes and sliders, which come quickly, pile up no work, and nothing that was asked last is left unanswered.
    """
    event(
        function,
        inputs,
        outputs,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last",
    )
