"""How `encdec monitor` tells a shift from chance: the section `monitoring` of params.yaml."""

from math import ceil
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from encdec.params.section import PositiveFloat, PositiveInt, Section

CodesTest = Literal["mmd", "classifier"]
LEAST_RANK = 25
"""The least p-value that permutations can give must be so many times below the rate: it is corrected for many tests."""


class Monitoring(Section):
    """`false_alarm_rate`: of the whole verdict. `psi_large`: an effect size that is told as large."""

    false_alarm_rate: Annotated[float, Field(gt=0.0, le=0.2)]
    min_rows: Annotated[int, Field(ge=20, lt=2**31)]
    max_rows: PositiveInt
    slow_rows: PositiveInt
    permutations: Annotated[int, Field(ge=100, le=1_000_000)]
    pixel_grid: Annotated[int, Field(ge=2, le=64)]
    error_quantile: Annotated[float, Field(ge=0.5, lt=1.0)]
    codes_test: CodesTest
    psi_large: PositiveFloat

    @model_validator(mode="after")
    def check_rows(self) -> Self:
        if not self.min_rows <= self.slow_rows <= self.max_rows:
            found = f"{self.min_rows}, {self.slow_rows} and {self.max_rows}"
            raise ValueError(f"min_rows, slow_rows and max_rows must not fall, found {found}")
        return self

    @model_validator(mode="after")
    def check_permutations(self) -> Self:
        least = ceil(LEAST_RANK / self.false_alarm_rate)
        if self.permutations < least:
            raise ValueError(
                f"permutations {self.permutations} cannot show a shift at false_alarm_rate {self.false_alarm_rate:g}: "
                f"give at least {least}"
            )
        return self
