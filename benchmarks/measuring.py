"""Cells run in turn, several rounds; what counts is the ratio of their medians.

The machine's speed drifts from minute to minute, the ratio of two cells of one round does not.
"""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Cell:
    """Something that is timed: `run` does `units` pieces of work once; `prepare` comes before each round, untimed.

    `timed` says what the last run took, in seconds, where more happens in it than is to be measured.
    """

    name: str
    run: Callable[[], None]
    units: int
    prepare: Callable[[], None] | None = None
    timed: Callable[[], float] | None = None
    rates: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """The median of the rounds, pieces a second."""
        return statistics.median(self.rates)


@dataclass(frozen=True)
class Ratio:
    """A line of the report: goal `number` of docs/performance.md, over / under, and the least it should be."""

    number: str
    text: str
    over: float
    under: float
    goal: float

    @property
    def value(self) -> float:
        return self.over / self.under

    def __str__(self) -> str:
        verdict = "ok" if self.value >= self.goal else "below"
        figures = f"{self.over:>10,.0f} / {self.under:>10,.0f}"
        return f"{self.number:>4}  {self.text:<66} {figures}  = {self.value:6.2f}   goal >= {self.goal:<5g} {verdict}"


def run_in_turns(cells: list[Cell], *, rounds: int) -> None:
    """Each round runs every cell once; the first round warms up and is not counted."""
    for number in range(rounds + 1):
        for cell in cells:
            if cell.prepare is not None:
                cell.prepare()
            gc.collect()
            start = time.perf_counter()
            cell.run()
            taken = cell.timed() if cell.timed else time.perf_counter() - start
            if number:
                cell.rates.append(cell.units / taken)
