"""Crossed random effects: the same fits and tests as R's; of all of InstEval where R is there."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

import msclong as ml
from parity.reference import load

# lme4 stops where the log-likelihood changes by 1e-12; a variance near zero is flat there. Figures have 15 digits.
LOGLIK, ESTIMATE, VARIANCE = 1e-10, 1e-6, 2e-5
# lmerTest differentiates numerically, twice.
DF = {"Satterthwaite": 1e-4, "Kenward-Roger": 1e-5}

CROSSED = load("crossed")


@pytest.mark.parametrize("name", CROSSED["fits"])
def test_crossed(name):
    theirs = CROSSED["fits"][name]
    spec = ml.ModelSpec(
        f"y ~ service + age + {theirs['formula']}", weights="weight" if theirs["weighted"] else None
    )
    for ddf in DF:
        if ddf not in theirs:
            continue
        engine = ml.Frequentist(
            method=theirs["method"].lower(),
            ddf=ddf.lower(),
            # pbkrtest takes the expected information, lmerTest the observed.
            information="expected" if ddf == "Kenward-Roger" else "observed",
        )
        fit = ml.fit(spec, pd.DataFrame(CROSSED["data"]), engine)
        assert fit.design.crossed is not None
        assert fit.loglik == pytest.approx(theirs["logLik"], rel=LOGLIK)
        assert fit.loglik > theirs["logLik"] - 1e-8
        ours = fit.coefficients()
        np.testing.assert_allclose(ours["estimate"], theirs["beta"], rtol=ESTIMATE)
        np.testing.assert_allclose(ours["se"], theirs[ddf]["se"], rtol=ESTIMATE)
        np.testing.assert_allclose(ours["df"], theirs[ddf]["df"], rtol=DF[ddf])
        G = [np.array(block)[np.tril_indices(len(block))] for block in theirs["G"].values()]
        np.testing.assert_allclose(
            sorted(fit.covariance.theta),
            sorted([*np.concatenate(G), theirs["sigma2"]]),
            rtol=VARIANCE,
            atol=1e-6,
        )


INSTEVAL = """
suppressMessages(library(lme4)); data(InstEval, package = "lme4")
write.csv(InstEval[c("s", "d", "dept", "service", "y")], "ratings.csv", row.names = FALSE)
fits <- lapply(c(%s), function(f) lmer(as.formula(f), InstEval))
cat(sapply(fits, function(fit) sprintf("[%%.10f, %%s]", logLik(fit),
    paste0("[", paste(sprintf("%%.10f", c(fixef(fit), sigma(fit)^2)), collapse = ","), "]"))), sep = "\\n")
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Needs R with lme4, whose data these are")
def test_insteval(tmp_path):
    """73,421 ratings of 1,128 lecturers by 2,972 students: lme4's log-likelihood, or a better one."""
    formulas = ("y ~ service + (1|s) + (1|d) + (1|dept)", "y ~ 1 + (1|s) + (1|d) + (1|dept:service)")
    script = INSTEVAL % ", ".join(f"'{formula}'" for formula in formulas)
    found = subprocess.run(
        ["Rscript", "-e", script], cwd=tmp_path, capture_output=True, text=True, timeout=900
    )
    if found.returncode:
        pytest.skip(f"R has no lme4: {found.stderr[-200:]}")
    table = pd.read_csv(tmp_path / "ratings.csv", dtype={"s": str, "d": str, "dept": str, "service": str})
    for formula, line in zip(formulas, found.stdout.splitlines(), strict=True):
        loglik, estimates = json.loads(line)
        fit = ml.fit(formula, table)
        assert loglik - 1e-6 < fit.loglik < loglik + 1e-4
        ours = [*fit.coefficients()["estimate"], fit.covariance.residual_variance]
        np.testing.assert_allclose(ours, estimates, rtol=1e-4)
