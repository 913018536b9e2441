"""A program that answers a question: the code that is timed, what goes before it, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Program:
    """Code in Python or R, run in a process of its own.

    Parameters
    ----------
    name : as the tables name it
    run : what is timed
        Sees what `prepare` left, and `table`, the data in memory as the language's own data frame.
    answer : an expression for the answer, looked at after the clock
        A dict (R: a named list) of numbers and vectors of numbers; `loglik`, `estimate`, `se` and `df` are compared.
    prepare : what goes before the clock: imports, text made factors
    language : 'python' or 'r'
    packages : whose versions are told; the program is left out where one is missing
    environment : the peer of peers.txt whose own interpreter runs it; '' is the one that msclong runs in
    asks : programs are compared with the first one that asks the same
    threads : of BLAS, OpenMP and numba
    share : of the question, where only a sample of it is timed: seconds are divided by it
    limit : seconds after which the process is ended; where its first run was done, that stands
    load : whether `table` is read; else the code reads `path` itself
    note : printed beside its figures
    profile : whether to tell in which of msclong's modules the time goes
    same : whether it fits the same model, so that its log-likelihood must be that of the first
    """

    name: str
    run: str
    answer: str
    prepare: str = ""
    language: str = "python"
    packages: tuple[str, ...] = ()
    environment: str = ""
    asks: str = ""
    threads: int = 1
    share: float = 1.0
    limit: float = 40.0
    load: bool = True
    note: str = ""
    profile: bool = False
    same: bool = True

    def but(self, **changes: object) -> Program:
        return replace(self, **changes)  # type: ignore[arg-type]


def in_r(name: str, *packages: str, run: str, answer: str, prepare: str = "", **fields: object) -> Program:
    """A program of R packages; they are attached before the clock starts."""
    attach = "".join(f"suppressPackageStartupMessages(library({package}))\n" for package in packages)
    return Program(name, run, answer, attach + prepare, language="r", packages=packages, **fields)  # type: ignore[arg-type]
