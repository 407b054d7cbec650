"""What is done around the pipeline of dvc.yaml: look back, retrain, promote, serve, watch new data.

  encdec lineage models:/cnn@champion      commit, data, tuning and evaluation behind a model
  encdec retrain                           train anew where there is a reason to, and say why
  encdec promote cnn                       through the gate of params.yaml it becomes models:/cnn@champion
  encdec monitor scans/                    have new data shifted?

`encdec COMMAND --help` teaches each; docs/ has a page for most of them. The pipeline itself is `make repro`.
"""

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module

from encdec.command import HOW_TO_TRACE, call
from encdec.github import fenced, hand_on

COLLECT_AFTER = 100_000
"""New objects between two looks for cycles. By default, 700, a fifth of a command's start is spent on them."""

COMMANDS: dict[str, str] = {
    "export": "a trained model of images as an ONNX file",
    "lineage": "show where a result came from, and what was made from it",
    "monitor": "compare a batch of new data with what the models were trained on: has it shifted?",
    "predict": "what a trained model answers to your own images or texts",
    "promote": "make a trained model the champion of its name in the registry, if it passes the gate",
    "reproduce": "make the result of a run again, and say whether it is the same to the byte",
    "retrain": "train anew where there is a reason to, and say why or why not",
    "rollback": "put the previous champion of a model back",
    "seeds": "train and evaluate models with several seeds, and say how much their results vary",
    "serve": "a trained model over HTTP",
    "sync": "send to MLflow what was recorded while its server was away",
    "versions": "list the registered versions of a model with their decisions",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Start a subcommand; only its own module is loaded, so that help and mistakes are answered at once."""
    if arguments is None:  # else the process is not ours alone
        gc.set_threshold(COLLECT_AFTER)
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="encdec", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        subparser = commands.add_parser(name, help=text)
        if given[:1] == [name]:
            module = import_module(f"encdec.cli.{name}")
            subparser.description = module.__doc__
            subparser.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    options = vars(parser.parse_args(given))
    del options["command"]
    with errors_handed_on():
        call(options.pop("run"), **options)


@contextmanager
def errors_handed_on() -> Iterator[None]:
    """The sentence of an error stands in the summary of a workflow's job too, where people look first.

    Not those of stages: the command that started them tells of them.
    """
    try:
        yield
    except SystemExit as ended:
        if isinstance(ended.code, str):
            with suppress(OSError):  # what cannot be handed on must not hide what is wrong
                hand_on(fenced(ended.code.removesuffix(HOW_TO_TRACE).strip()), {})
        raise


if __name__ == "__main__":
    main()
