"""What is wrong with a unit, in a form that its author can act on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """Something to mend in line `line` (from 1) of the file `path`."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class BuildError(Exception):
    """A unit that cannot be built, with all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = sorted(set(problems))
        super().__init__("\n".join(map(str, self.problems)))


class StepError(Exception):
    """A step of the build that could not be taken: a notebook that does not run to its end, a release that is refused."""
