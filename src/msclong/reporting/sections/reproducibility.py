"""What is needed to obtain these figures again: data fingerprint, spec, engines, versions, code."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from msclong.errors import SpecError
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.data_hash import analysed_columns, data_hash
from msclong.reporting.record import Block, Code, Definitions, Paragraph, Section, Subheading
from msclong.reporting.wording import listed

PACKAGES = (
    "msclong", "numpy", "scipy", "pandas", "patsy", "statsmodels", "pymc", "arviz", "nutpie", "matplotlib", "jinja2",
)  # fmt: skip

UNROUNDED = (
    "Every figure of this report stands unrounded in its analysis results data (ARD), one row for each statistic, in "
    'the shape of R\u2019s {cards}: report.ard() is that table, and report.to_ard("results.parquet") writes it '
    "(.csv and .json as well)."
)


def reproducibility(analysis: Analysis, created: datetime) -> Section:
    """Date, versions, engines with their seeds, hash of the data, spec as JSON and code to rerun."""
    items = [
        ("Created", created.strftime("%Y-%m-%d %H:%M %Z")),
        ("Software", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Engines", "; ".join(repr(fit.engine) for fit in analysis.fits.values())),
        ("Random seed", _seed(analysis)),
        ("Data, SHA-256", data_hash(analysis.design)),
    ]
    columns = listed(analysed_columns(analysis.design))
    covered = (
        f"The hash covers the {say.counted(analysis.first.n_obs, 'row', stat='n.obs')} with an observed outcome and "
        f"the columns {columns}, written as CSV with sorted columns and sorted lines; it depends neither on the "
        "order of rows nor on the file format."
    )
    blocks: list[Block] = [Definitions(tuple(items)), Paragraph(covered, "note")]
    try:
        blocks += [Subheading("Model spec"), Code(analysis.spec.to_json(), "json")]
    except SpecError:  # levels such as dates have no JSON form; the code below holds the spec as Python
        blocks.pop()
    blocks += [Paragraph(UNROUNDED), Subheading("Code"), Code(_code(analysis), "python")]
    return Section("reproducibility", "Reproducibility", tuple(blocks))


def versions() -> dict[str, str]:
    """Installed versions of Python and of what a fit rests on; packages that are absent are left out."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package == "msclong":
                found[package] = "(source tree, not installed)"
    return found


def _seed(analysis: Analysis) -> str:
    seeds = {name: fit.outcome.diagnostics.get("seed") for name, fit in analysis.fits.items()}
    stated = [f"{seed} ({name})" for name, seed in seeds.items() if seed is not None]
    return listed(stated) if stated else "none: nothing was drawn at random"


def _code(analysis: Analysis) -> str:
    engines = ", ".join(f"ml.{fit.engine!r}" for fit in analysis.fits.values())
    return (
        "import msclong as ml\n\n"
        "data = ...  # your table: the hash above tells whether it is the same\n"
        f"spec = ml.{analysis.spec!r}\n"
        f"fits = [ml.fit(spec, data, engine) for engine in ({engines},)]\n"
        f"{report_code(f'fits{_options(analysis)}')}"
    )


def report_code(arguments: str) -> str:
    """The last lines of the code to rerun: the report, its page and its ARD."""
    return f'report = ml.report({arguments})\nreport.to_html("report.html")\nreport.to_ard("results.parquet")'


def _options(analysis: Analysis) -> str:
    """Adjustment and estimand as arguments of ml.report."""
    text = ""
    if analysis.adjust is not None:
        text += f", adjust={'' if isinstance(analysis.adjust, str) else 'ml.'}{analysis.adjust!r}"
        text += "" if analysis.family is None else f", family={analysis.family!r}"
    return text if analysis.estimand is None else f"{text}, estimand=ml.{analysis.estimand!r}"
