"""The parameters of a request: what a served model can be asked to do otherwise than its spec says."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from encdec.models.seq2seq.spec import Seq2SeqSpec
from encdec.params.root import ModelName, ModelSpec
from encdec.serving.problems import InputError

MAX_SAMPLES = 100
MAX_SEED = 2**63 - 1
Temperature = Annotated[float, Field(ge=0.01, le=100.0, allow_inf_nan=False)]
NumSamples = Annotated[int, Field(ge=0, le=MAX_SAMPLES)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Output = Literal["reconstruction", "code", "error"]


class RequestOptions(BaseModel):
    """No key but its own; the defaults are what the evaluation did."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ClassifierOptions(RequestOptions):
    """`temperature`: the logits are divided by it before the softmax; above 1 the classes come closer together."""

    temperature: Temperature = 1.0


class AutoencoderOptions(RequestOptions):
    """`output`: the image that the decoder makes, the code z, or the mean squared error of each image."""

    output: Output = "reconstruction"


class VaeOptions(AutoencoderOptions):
    """`num_samples` 0 decodes the mean of q(z|x); else the answer is the mean over so many samples of q(z|x).

    All images of all requests with one `seed` are moved by the same noise, so that an answer does not depend on what
    else was asked.
    """

    num_samples: NumSamples = 0
    seed: Seed = 0


class TextOptions(RequestOptions):
    """`num_samples` 0 searches for the best target, with `beam_size` and `length_penalty`; else so many targets are
    drawn for each source, from softmax(logits / temperature). The draws depend on `seed` and the source alone."""

    beam_size: Annotated[int, Field(ge=1, le=64)]
    length_penalty: Annotated[float, Field(ge=0.0, le=10.0, allow_inf_nan=False)]
    num_samples: NumSamples = 0
    temperature: Temperature = 1.0
    seed: Seed = 0


Options = ClassifierOptions | VaeOptions | AutoencoderOptions | TextOptions
AnyOptions = TypeVar("AnyOptions", bound=RequestOptions)


def default_options(name: ModelName, spec: ModelSpec) -> Options:
    """What is done where nothing is asked for: what the evaluation does."""
    match name:
        case "cnn":
            return ClassifierOptions()
        case "vae":
            return VaeOptions()
        case "autoencoder" | "sparse_autoencoder" | "denoising_autoencoder":
            return AutoencoderOptions()
        case "seq2seq":
            if not isinstance(spec, Seq2SeqSpec):
                raise ValueError(f"model {name} needs a Seq2SeqSpec, was given a {type(spec).__name__}")
            return TextOptions(beam_size=spec.decoding.beam_size, length_penalty=spec.decoding.length_penalty)


def read_options(name: ModelName, defaults: AnyOptions, given: Mapping[str, object]) -> AnyOptions:
    """The defaults with what was given in their place.

    Raises:
        InputError: a key that the model does not have, or a value out of its range; all of them are named.
    """
    plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in given.items()}
    try:
        options = type(defaults).model_validate({**defaults.model_dump(), **plain})
    except ValidationError as error:
        known = ", ".join(type(defaults).model_fields)
        told = [sentence(name, known, dict(each)) for each in error.errors()]
        raise InputError("; ".join(told)) from None
    if isinstance(options, VaeOptions) and options.output == "code" and options.num_samples:
        raise InputError(f"params: num_samples {options.num_samples}: a code is the mean of q(z|x): leave it at 0")
    if isinstance(options, TextOptions) and options.temperature != 1.0 and not options.num_samples:
        raise InputError(
            f"params: temperature {options.temperature:g}: a search has none: give num_samples of at least 1 as well"
        )
    return options


def sentence(name: ModelName, known: str, problem: Mapping[str, object]) -> str:
    where = problem["loc"]
    key = ".".join(map(str, where)) if isinstance(where, tuple) else str(where)
    if problem["type"] == "extra_forbidden":
        return f"params: {key}: model {name} has no such parameter; it has {known}"
    said = str(problem["msg"]).replace("Input should be", "must be")
    return f"params: {key} {problem['input']!r:.80}: {said}"
