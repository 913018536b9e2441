"""The command line: from an analysis plan and a file to a report, without a script.

    msclong check plan.toml data.csv
    msclong report plan.toml data.csv -o report.html -o statistics.parquet

Messages of msclong advise what to write in Python; where the command line has words of its own for it, they are added.

Exit status: 0, all was done; 1, an outcome could not be fitted (the report says so); 2, the input or the place of an
output cannot be used; 141, the output was not read to its end.
What a defect of msclong raises is shown as it is, with its traceback.
"""

from __future__ import annotations

import logging
import os
import shlex
import sys
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd

from msclong.data.bds.read import read_bds
from msclong.data.files import is_bds, read_file, remarks
from msclong.data.marks import SYNTHETIC
from msclong.engines.bayesian.engine import Bayesian
from msclong.engines.frequentist.engine import Frequentist
from msclong.errors import DataError, MsclongError, MsclongWarning, SpecError, listing
from msclong.printing.text_table import ASCII, WIDTH, text_table
from msclong.printing.text_width import wrapped
from msclong.results.summary import summary_table
from msclong.study.analysis_plan import AnalysisPlan
from msclong.study.outcome_table import columns_of
from msclong.study.plan_check import arms_of
from msclong.study.study import Study

ENGINES = {"frequentist": Frequentist, "bayesian": Bayesian}

FORMULA = "~"
"""What tells a formula from the name of a plan's file."""

ADVICE = {
    "visit_order=": "--levels COLUMN=A,B,C states the order of a column of words",
    "pd.Categorical": "--levels COLUMN=A,B,C states the order of a column of words",
    "pd.to_numeric": "--levels COLUMN=A,B,C if the words are grades; --missing CODE if one stands for a missing value; "
    "--decimal , if numbers have decimal commas; else correct the file",
    ".astype(": "correct the file, or leave out --levels of this column",
    "encoding=": "--encoding NAME, such as WINDOWS-1252",
    "sep=';'": "--separator ';', with --decimal , if numbers have decimal commas",
    "sep=','": "leave out --separator",
    r"sep='\t'": "--separator tab",
    "sep=": "--separator SIGN, such as ';' or tab",
    "browser=": "put its folder on PATH, or write .html",
    "is missing or blank": "--keep-na if NA is a word in the file and no missing value; else correct the file",
    "dropna(": "--keep-na if NA is a word in the file and no missing value; else correct the file",
}
"""What messages advise, and what says the same on the command line; the first that fits is told."""

DONE, FAILED, UNUSABLE = 0, 1, 2
UNREAD = 141
"""As shells have it of what ends by SIGPIPE."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (None: those of this process) state; the exit status."""
    given = _parser().parse_args(arguments)
    given.words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _warnings_told(given.quiet):
            status: int = given.run(given)
            sys.stdout.flush()
            return status
    except MsclongError as error:
        print(f"error: {_advised(error)}", file=sys.stderr)
    except (
        BrokenPipeError
    ):  # whoever read the output has left, as `head` does; the interpreter is not to try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        print(f"error: cannot read or write{where}: {error.strerror or error}.", file=sys.stderr)
    return UNUSABLE


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="msclong", description="Longitudinal mixed models: from a plan and a file to a report."
    )
    parser.add_argument("--version", action="version", version=f"msclong {_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    both = ArgumentParser(add_help=False)
    both.add_argument("plan", help="analysis plan (.toml or .json), or the formula of one model in quotes")
    both.add_argument(
        "data", type=Path, help="one row per subject and visit: .csv .parquet .xpt .sas7bdat .json .ndjson"
    )
    both.add_argument("--encoding", help="of text that does not say its own, such as WINDOWS-1252")
    both.add_argument(
        "--separator",
        metavar="SIGN",
        help="between the values of a CSV file, or the word tab; a comma if not given",
    )
    both.add_argument("--decimal", metavar="SIGN", help="in the numbers of a CSV file; a point if not given")
    both.add_argument(
        "--missing", action="append", default=[], metavar="[COLUMN=]CODE",
        help="a value that stands for a missing one, such as -99; may be repeated",
    )  # fmt: skip
    both.add_argument(
        "--keep-na", action="store_true", help="NA is a word in columns of words, such as an arm, not missing"
    )
    both.add_argument(
        "--levels", action="append", default=[], metavar="COLUMN=A,B,C",
        help="the order of a column of words, lowest first (a CSV file has none); may be repeated",
    )  # fmt: skip
    both.add_argument(
        "--engine",
        action="append",
        choices=list(ENGINES),
        help="instead of the plan's; the first one leads; may be repeated",
    )
    both.add_argument("--seed", type=int, help="of Bayesian engines")
    both.add_argument("--quiet", action="store_true", help="neither progress nor warnings")

    report = commands.add_parser("report", parents=[both], help="fit every outcome and write the report")
    report.add_argument(
        "-o", "--output", action="extend", nargs="+", type=Path, required=True, metavar="FILE",
        help="what to write, by its ending: .html .md .docx .rtf .pdf; .parquet .csv .json for the statistics",
    )  # fmt: skip
    report.add_argument("--title")
    report.add_argument(
        "--synthetic", metavar="SENTENCE", help="say on every page that the data are made up, and how"
    )
    report.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="keep fits there; a second run makes what changed"
    )
    report.add_argument("--jobs", type=int, default=-1, help="processes; all processors if not given")
    report.set_defaults(run=_report)

    check = commands.add_parser("check", parents=[both], help="compare the data with the plan; fit nothing")
    check.set_defaults(run=_check)
    return parser


def _report(given: Namespace) -> int:
    from msclong.reporting.input_section import with_input
    from msclong.reporting.report import report
    from msclong.reporting.writers.places import check_places

    # Of the fonts that figures name, those that this machine has serve; that others are not here is no news.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    inputs = {"the data": given.data} | ({} if FORMULA in given.plan else {"the plan": Path(given.plan)})
    check_places(given.output, inputs, given.cache)  # before hours of fitting
    table = _table(given)
    for remark in () if given.quiet else remarks(table):
        print(f"note: {remark}", file=sys.stderr)
    if given.synthetic:
        table.attrs[SYNTHETIC] = given.synthetic
    study, engines = _study(given, table)
    found = study.fit(engines, n_jobs=given.jobs, progress=False if given.quiet else None, cache=given.cache)
    for (outcome, engine), reason in zip(found.failures.index, found.failures["reason"], strict=True):
        print(f"failed: {outcome}, {engine}: {_advised(reason)}", file=sys.stderr)
    if not len(found):
        print("error: no outcome could be fitted, so there is nothing to report.", file=sys.stderr)
        return FAILED
    # Of one formula all that can be said of one model; of a plan, what stands over all its outcomes.
    fits = [fit for by_engine in found.values() for fit in by_engine.values()]
    arms = dict.fromkeys(filter(None, (arms_of(fit.design) for fit in fits)))
    made = report(fits if FORMULA in given.plan else found, given.title)
    made = with_input(made, table, f"msclong {shlex.join(given.words)}", list(arms))
    for path in given.output:
        print(made.save(path))
    return FAILED if len(found.failures) else DONE


def _check(given: Namespace) -> int:
    from msclong.reporting.input_section import columns_read

    table = _table(given)
    study, engines = _study(given, table)
    found = study.check(engines)
    print(f"{given.data.name}: {len(table):,} rows, {table.shape[1]} columns\n")
    shown = found.drop(columns=["model", "arms", "problem"]).rename(columns={"missing": "missing, %"})
    print(text_table(summary_table(shown, "")))
    problems = found.loc[found["problem"] != "", "problem"]
    for (outcome, engine), problem in zip(problems.index, problems, strict=True):
        _print(f"{outcome}, {engine}: {_advised(problem)}")
    for arms in filter(None, dict.fromkeys(found["arms"])):
        _print(f"Arms, and their subjects with an outcome: {arms}.")
    print("", text_table(columns_read(table)).translate(ASCII), sep="\n")
    for remark in remarks(table):
        _print(remark)
    words = [name for name in study.plan.endpoints if name in table and table[name].dtype == "str"]
    if words:
        _print(f"If these are grades, state their order with --levels: {listing(words, 30)}.")
    unused = listing([name for name in table.columns if name not in _read_columns(study.plan, table)], 30)
    _print(f"Columns that the plan does not read: {unused or 'none'}.")
    return UNUSABLE if len(problems) else DONE


def _table(given: Namespace) -> pd.DataFrame:
    table = read_file(
        given.data,
        given.encoding,
        separator="\t" if given.separator == "tab" else given.separator,
        decimal=given.decimal,
        missing=given.missing,
        keep_na=given.keep_na,
    )
    for stated in given.levels:
        column, equals, text = stated.partition("=")
        levels = [level.strip() for level in text.split(",")]
        if not equals or column not in table:
            raise SpecError(
                f"--levels {stated}: write COLUMN=A,B,C; the columns are {listing(table.columns, 30)}."
            )
        values = table[column].dropna().astype(str)
        if others := set(values) - set(levels):
            raise DataError(
                f"--levels {stated}: the column has {listing(sorted(others))} too; state all its levels."
            )
        table[column] = pd.Categorical(
            table[column].astype(object).map(str, na_action="ignore"), levels, ordered=True
        )
    return table


def _study(given: Namespace, table: pd.DataFrame) -> tuple[Study, list[Any]]:
    """The study of the plan, and the engines that were asked for."""
    if FORMULA in given.plan:
        plan = AnalysisPlan.declare({given.plan.partition(FORMULA)[0].strip(): given.plan})
    else:
        path = Path(given.plan)
        read = AnalysisPlan.from_json if path.suffix.lower() == ".json" else AnalysisPlan.from_toml
        plan = read(path)
    engines = [ENGINES[name]() for name in given.engine or ()] or list(plan.engines) or [Frequentist()]
    if given.seed is not None:
        engines = [replace(one, seed=given.seed) if isinstance(one, Bayesian) else one for one in engines]
    return Study(read_bds(table) if is_bds(table) else table, plan), engines


def _read_columns(plan: AnalysisPlan, table: pd.DataFrame) -> set[object]:
    """Columns that the plan's outcomes, or its events, read."""
    read: set[object] = set(plan.events.values())
    for endpoint in plan.endpoints.values():
        for spec in filter(None, (endpoint.spec, endpoint.approximation)):
            read |= columns_of(spec, table) | set(endpoint.rows)
    return read


def _advised(message: object) -> str:
    """A message, and what it advises in the words of the command line."""
    told = str(message)
    advice = next((words for sign, words in ADVICE.items() if sign in told), None)
    return f"{told} On the command line: {advice}." if advice else told


def _print(text: str) -> None:
    """A paragraph of the listing."""
    print("", *wrapped(text, WIDTH, "    "), sep="\n")


@contextmanager
def _warnings_told(quiet: bool) -> Iterator[None]:
    """msclong's warnings as lines on standard error, once each."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MsclongWarning)
        try:
            yield
        finally:
            for message in dict.fromkeys(str(entry.message) for entry in caught):
                if not quiet:
                    print(f"warning: {_advised(message)}", file=sys.stderr)


def _version() -> str:
    try:
        return version("msclong")
    except PackageNotFoundError:
        return "(not installed)"
