"""How long does one REML fit take, from a table to estimates with standard errors, beside statsmodels and R?

Random slopes on sleepstudy (180 rows) and an unstructured MMRM on HAMD17 (831 rows), median of repeats in one process
each. R's clock runs inside R, so that starting it is not counted. The log-likelihoods must agree before times are told.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msclong as ml

REPEATS = 15
LOGLIK = 1e-5

SLOPES = "Reaction ~ Days + (1 + Days | Subject)"
MMRM = "change ~ basval * week + TRT * week + us(week | PATIENT)"

R_FITS = {
    "sleepstudy": {
        "R lme4::lmer": ("lme4", "lmer(Reaction ~ Days + (Days | Subject), d)"),
        "R nlme::lme": ("nlme", "lme(Reaction ~ Days, random = ~Days | Subject, data = d)"),
    },
    "hamd17": {
        "R nlme::gls": (
            "nlme",
            "gls(change ~ basval * week + TRT * week, d, correlation = corSymm(form = ~visit | PATIENT), "
            "weights = varIdent(form = ~1 | week))",
        ),
    },
}


def median_time(fit: Callable[[], object]) -> float:
    """Median seconds of REPEATS calls after one to warm up."""
    fit()
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        fit()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def in_r(package: str, call: str, table: Path) -> tuple[float, float] | None:
    """(log-likelihood, median seconds) of an R call on the table; None where R or the package is missing."""
    if shutil.which("Rscript") is None:
        return None
    script = f"""
      if (!requireNamespace("{package}", quietly = TRUE)) quit(status = 3)
      suppressMessages(library({package}))
      d <- read.csv("{table}", colClasses = c(Subject = "factor", PATIENT = "factor", TRT = "factor")[
        intersect(c("Subject", "PATIENT", "TRT"), names(read.csv("{table}", nrows = 1)))])
      if ("week" %in% names(d)) {{ d$week <- factor(d$week); d$visit <- as.integer(d$week) }}
      fit <- {call}
      times <- replicate({REPEATS}, system.time({call})[["elapsed"]])
      cat(sprintf("{{\\"loglik\\": %.10f, \\"seconds\\": %.6f}}", as.numeric(logLik(fit)), median(times)))
    """
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None
    answer = json.loads(done.stdout)
    return answer["loglik"], answer["seconds"]


def compare(name: str, formula: str, with_statsmodels: bool) -> None:
    data = getattr(ml.datasets, name)()
    fit = ml.fit(formula, data)
    rows = [("msclong, Kenward-Roger", fit.loglik, median_time(lambda: ml.fit(formula, data).coefficients()))]
    if with_statsmodels:
        engine = ml.StatsmodelsMixedLM()
        peer = ml.fit(formula, data, engine=engine)
        rows.append(
            ("statsmodels MixedLM", peer.loglik, median_time(lambda: ml.fit(formula, data, engine=engine)))
        )
    skipped = []
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.csv"
        data.to_csv(table, index=False)
        for program, (package, call) in R_FITS[name].items():
            answer = in_r(package, call, table)
            if answer is None:
                skipped.append(program)
            else:
                rows.append((program, *answer))
    print(f"\n{name}: {formula}")
    for program, loglik, seconds in rows:
        # R's clock ticks in milliseconds.
        same = (
            "" if abs(loglik - fit.loglik) < LOGLIK * abs(fit.loglik) else "   ANOTHER ANSWER, not comparable"
        )
        ratio = seconds / rows[0][2]
        print(
            f"  {program:26s} {1e3 * seconds:9.1f} ms   ratio {ratio:6.2f}   log-likelihood {loglik:.5f}{same}"
        )
    if skipped:
        print(f"  left out (not installed here): {', '.join(skipped)}")


if __name__ == "__main__":
    compare("sleepstudy", SLOPES, with_statsmodels=True)
    compare("hamd17", MMRM, with_statsmodels=False)
