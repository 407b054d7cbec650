"""What a model is judged in after a retraining."""

from pathlib import Path
from typing import NamedTuple

from encdec.params.root import Kind, ModelName, Params
from encdec.retraining.base import Base
from encdec.retraining.state import Champion
from encdec.tracking.store import Store


class Case(NamedTuple):
    """`champion`: as it was before. `scratch`: for what is brought. `out`: the folder of retrain.json."""

    store: Store
    params: Params
    base: Base
    name: ModelName
    champion: Champion | None
    scratch: Path
    out: Path

    @property
    def kind(self) -> Kind:
        return self.params.models.named(self.name).kind
