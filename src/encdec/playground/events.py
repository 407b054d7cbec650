"""How an event of the page calls a function: never listed as an API, and without a spinner over the answer."""

from collections.abc import Callable, Sequence

from gradio.blocks import Block


def connect(
    event: Callable[..., object],
    function: Callable[..., object],
    inputs: Block | Sequence[Block] | None,
    outputs: Block | Sequence[Block],
    *,
    newest: bool = False,
) -> None:
    """Run `function` at each such event.

    Args:
        newest: while one runs, remember the newest event alone: for sliders and strokes, which come quickly.
    """
    event(
        function,
        inputs,
        outputs,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="always_last" if newest else "once",
    )
