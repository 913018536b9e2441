"""How long does a user wait in a fresh process: import, first fit, first compilation?"""

from __future__ import annotations

from harness.program import Program, in_r
from harness.question import Case, Question, ask
from harness.tables import example

IMPORT, FIRST, COMPILED = "import", "import, read the file, fit", "import, read the file, fit two outcomes"
AFTER = "{'peak_mb': resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}"


def fresh(name: str, code: str, asks: str, package: str, environment: str = "", before: str = "") -> Program:
    """`code` in a Python process of its own, timed from its start to its end."""
    return Program(
        name,
        asks=asks,
        environment=environment,
        packages=(package,),
        load=False,
        prepare="import os, resource, subprocess, sys, tempfile\n"
        f"code = {code!r}\nmore = {{'env': dict(os.environ), 'check': True, 'capture_output': True}}",
        run=f"{before}subprocess.run([sys.executable, '-c', code, path], **more)",
        answer=AFTER,
    )


def fresh_r(name: str, code: str, asks: str, package: str) -> Program:
    return in_r(
        name,
        package,
        asks=asks,
        load=False,
        prepare=f"script <- {code!r}",
        run='system2("Rscript", c("--vanilla", "-e", shQuote(script), path), stdout = FALSE, stderr = FALSE)',
        answer="list(peak_mb = NA)",
    )


READ = "import sys, pandas as pd; table = pd.read_parquet(sys.argv[1]); "
READ_R = "table <- read.csv(commandArgs(TRUE)[1], stringsAsFactors = TRUE); table$Subject <- factor(table$Subject); "
MANY = (
    READ + "import msclong as ml; ml.fit_many('outcome ~ TRT * week + us(week | PATIENT)', "
    "table.assign(half=table['change'] / 2), ['change', 'half']).contrasts()"
)
FORMULA = "Reaction ~ Days + (1 + Days | Subject)"

COLD = "more['env']['NUMBA_CACHE_DIR'] = tempfile.mkdtemp()\n"
"""Nothing compiled is found: what the first fit after an installation pays."""

QUESTION = Question(
    "first_touch",
    "The first fit in a fresh process",
    "From the start of the interpreter to its end; sleepstudy, random slopes. Code of ml.fit_many and ml.power "
    "is compiled by the first call on a machine and kept; 'nothing compiled' finds none.",
    (
        Case(
            "import",
            (
                fresh("msclong", "import msclong", IMPORT, "msclong"),
                fresh("python, nothing imported", "pass", IMPORT, "pandas"),
                fresh("pandas", "import pandas", IMPORT, "pandas"),
                fresh("statsmodels", "import statsmodels.formula.api", IMPORT, "statsmodels"),
                fresh("mixedlm", "import mixedlm", IMPORT, "mixedlm", "mixedlm"),
                fresh("mixedlm-rs", "import mixedlm_rs", IMPORT, "mixedlm-rs", "mixedlm-rs"),
                fresh("bambi", "import bambi", IMPORT, "bambi", "bambi"),
                fresh_r("R lme4", "library(lme4)", IMPORT, "lme4"),
            ),
            example("sleepstudy"),
            budget=1.5,
        ),
        Case(
            "first call of compiled code: ml.fit_many, two outcomes",
            (
                fresh("msclong, compiled before", MANY, COMPILED, "msclong"),
                fresh("msclong, nothing compiled", MANY, COMPILED, "msclong", before=COLD),
            ),
            example("hamd17"),
            quick=False,
        ),
        Case(
            "first fit",
            (
                fresh(
                    "msclong",
                    f"{READ}import msclong as ml; ml.fit({FORMULA!r}, table).coefficients()",
                    FIRST,
                    "msclong",
                ),
                fresh(
                    "msclong, contrasts and a report",
                    f"{READ}import msclong as ml; fit = ml.fit({FORMULA!r}, table); fit.contrasts(); "
                    "ml.report(fit).to_html('/dev/null')",
                    "import, read the file, fit, report",
                    "msclong",
                ),
                fresh(
                    "statsmodels",
                    f"{READ}import statsmodels.formula.api as smf; "
                    "smf.mixedlm('Reaction ~ Days', table, groups='Subject', re_formula='~Days').fit()",
                    FIRST,
                    "statsmodels",
                ),
                fresh(
                    "mixedlm",
                    f"{READ}import mixedlm; mixedlm.lmer({FORMULA!r}, table)",
                    FIRST,
                    "mixedlm",
                    "mixedlm",
                ),
                fresh(
                    "mixedlm-rs",
                    f"{READ}import mixedlm_rs; "
                    "mixedlm_rs.mixedlm('Reaction ~ Days', table, groups='Subject', re_formula='~Days').fit()",
                    FIRST,
                    "mixedlm-rs",
                    "mixedlm-rs",
                ),
                fresh_r("R lme4", f"library(lme4); {READ_R}print(lmer({FORMULA}, table))", FIRST, "lme4"),
                fresh_r(
                    "R lmerTest, Kenward-Roger",
                    f"library(lmerTest); {READ_R}print(summary(lmer({FORMULA}, table), ddf = 'Kenward-Roger'))",
                    FIRST,
                    "lmerTest",
                ),
            ),
            example("sleepstudy"),
            budget=1.5,
        ),
    ),
)

if __name__ == "__main__":
    ask(QUESTION)
