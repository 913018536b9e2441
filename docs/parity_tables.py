"""Every figure of another program in tests/reference beside msclong's, as tables of the page Validation.

`comparisons()` has a row for each figure; `summary` and `by_fit` tell the worst of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler
from parity_figures import (
    Figure,
    covariance_by_arm,
    each,
    fits_of_r,
    inference_of_mmrm,
    nested_and_crossed,
    sums_and_weights,
)

import msclong as ml
from parity import test_conditional_against_r, test_hamd17, test_model_tests, test_second_order
from parity.reference import frame, load

DIFFERENCE = "difference"


def comparisons() -> pd.DataFrame:
    """One row for each figure that both have, with their `difference`.

    That is relative to the reference; of p-values, and where the reference is zero, it is absolute.
    """
    sources = (
        fits_of_r(),
        inference_of_mmrm(),
        covariance_by_arm(),
        nested_and_crossed(),
        sums_and_weights(),
        term_tests(),
        likelihood_ratios(),
        profile_limits(),
        kinds_of_contrasts(),
        after_the_fit(),
        second_order_of_sas(),
        hamd17_of_mmrm(),
        conditional_families(),
        modified_box(),
    )
    table = pd.DataFrame([figure for source in sources for figure in source], columns=Figure._fields)
    absolute = table["quantity"].str.contains(r"\bp\b") | (table["reference"] == 0)
    scale = table["reference"].abs().mask(absolute, 1)
    table[DIFFERENCE] = (table["msclong"] - table["reference"]).abs() / scale
    return table


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """By program and quantity: how many fits and figures, and the figure that differs most."""
    by = ["program", "quantity"]
    order = {program: i for i, program in enumerate(table["program"].unique())}
    table = table.sort_values("program", key=lambda names: names.map(order), kind="stable")
    table = table.assign(fit=table["data"] + ": " + table["model"])
    groups = table.groupby(by, sort=False)
    worst = table.loc[groups[DIFFERENCE].idxmax()].set_index(by)
    counts = pd.DataFrame({"fits": groups["fit"].nunique(), "figures": groups.size()})
    found = worst[[DIFFERENCE, "reference", "msclong"]].join(counts)
    return found.assign(where=worst["fit"])


def by_fit(table: pd.DataFrame, *programs: str) -> pd.DataFrame:
    """By fit and quantity, of these programs: the figure that differs most."""
    own = table[table["program"].isin(programs)]
    by = ["program", "data", "model", "quantity"]
    worst = own.loc[own.groupby(by, sort=False)[DIFFERENCE].idxmax()].set_index(by)
    return worst[[DIFFERENCE, "reference", "msclong", "row"]]


def shown(table: pd.DataFrame) -> Styler:
    """The table for a page, with the digits in which two programs may differ."""
    figures = {"reference": "{:.8g}", "msclong": "{:.8g}", DIFFERENCE: "{:.0e}"}
    styler = Styler(table, cell_ids=False).format(figures)
    return styler.set_table_attributes('style="font-size: 0.8em"')


def term_tests() -> Iterator[Figure]:
    """Type II and III F tests of lmerTest."""
    for model in test_model_tests.TESTED:
        for kind in (2, 3):
            for ddf, program in (("satterthwaite", "lmerTest"), ("kenward-roger", "pbkrtest")):
                fit = test_model_tests.fitted(model["data"], model["formula"], ddf)
                ours, theirs = test_model_tests.side_by_side(fit.anova(type=kind), model[f"type{kind}"][ddf])
                rows = [":".join(sorted(term)) for term in ours.index]
                head = (program, model["data"], model["formula"])
                roman = "I" * kind
                yield from each(
                    head, f"type {roman} F", rows, theirs["statistic"].tolist(), ours["statistic"]
                )
                yield from each(
                    head,
                    f"type {roman} F, denominator df",
                    rows,
                    theirs["den_df"].tolist(),
                    ours["den_df"],
                )


def likelihood_ratios() -> Iterator[Figure]:
    """R's anova of two fits."""
    for case in test_model_tests.REFERENCE["likelihood_ratio"]:
        method = "reml" if case["reml"] else "ml"
        fits = (
            test_model_tests.fitted(case["data"], case[which], "satterthwaite", method)
            for which in ("smaller", "larger")
        )
        ours = ml.compare(*fits, boundary="ignore").loc["larger"]
        head = ("lme4", case["data"], f"{case['smaller']} in {case['larger']}")
        yield Figure(*head, "likelihood ratio", method.upper(), case["statistic"], float(ours["statistic"]))


def profile_limits() -> Iterator[Figure]:
    """Profile limits of variance parameters, which lme4 reads off a spline."""
    for case in test_model_tests.REFERENCE["profile"]:
        fit = test_model_tests.fitted(case["data"], case["formula"], "satterthwaite", "ml")
        for level in (0.8, 0.95):
            theirs = case[f"level{level}"]
            names = [test_model_tests.ours_of(name) for name in theirs["name"]]
            ours = ml.variance_intervals(fit, level=level, parameters=names, progress=False)
            head = ("lme4", case["data"], case["formula"])
            for end in ("lower", "upper"):
                yield from each(head, f"profile limit, {level:.0%}", names, theirs[end], ours[end])


def kinds_of_contrasts() -> Iterator[Figure]:
    """emmeans' trends, consecutive and weighted means; multcomp's max-t; Dunnett's p-values by quadrature."""
    figures = load("contrasts")
    spec = ml.ModelSpec("Reaction ~ DaysF + (1 | Subject)", visit="DaysF")
    sleep = ml.fit(spec, frame("sleepstudy"), ml.Frequentist(information="expected"))
    head = ("emmeans", "sleepstudy", "Reaction ~ DaysF + (1 | Subject)")
    for kind, name in (("polynomial", "poly"), ("consecutive", "consec"), ("pairwise", "revpairwise")):
        ours, theirs = sleep.contrasts(kind=kind), figures["sleepstudy"][name]
        yield from each(head, f"{kind} contrasts, estimate", ours.index, theirs["estimate"], ours["estimate"])
        yield from each(head, f"{kind} contrasts, SE", ours.index, theirs["SE"], ours["se"])
    exact = load("sleepstudy")["fits"]["factor_intercept_reml"]["emmeans"]["dunnett_exact"]
    ours = sleep.contrasts(adjust="mvt")
    # The last p-value is 0 in the reference (1 - cdf) and 8e-15 here.
    p = [value if value > 1e-12 else None for value in exact["p_adj"]]
    yield from each(
        ("quadrature in R", *head[1:]), "Dunnett p, from the fit", ours.index, p, ours["p_adjusted"]
    )
    spec = ml.ModelSpec(
        "bdi ~ bdi_pre + drug + length + treatment * visit + (1 | subject)", visit="visit", arm="treatment"
    )
    btheb = ml.fit(spec, frame("btheb"), ml.Frequentist(ddf="asymptotic"))
    means, theirs = (
        btheb.means(by=["treatment", "visit"], weights="observed"),
        figures["btheb"]["proportional"],
    )
    head = ("emmeans", "btheb", spec.formula)
    yield from each(head, "means by observed rows", means.index, theirs["emmean"], means["estimate"])
    yield from each(head, "means by observed rows, SE", means.index, theirs["SE"], means["se"])
    for adjust, test, name in (
        ("mvt", None, "single_step"),
        ("mvt-stepdown", None, "free"),
        ("mvt", "less", "single_step_less"),
    ):
        table = btheb.contrasts(versus="2", adjust=adjust, test=test)
        label = f"max-t p, {name.replace('_', '-').replace('-less', ', one-sided')}"
        yield from each(
            ("multcomp", *head[1:]), label, table.index, figures["btheb"][name], table["p_adjusted"]
        )


def after_the_fit() -> Iterator[Figure]:
    """Random effects, predictions, and the fit without each subject, of sleepstudy's random slopes by lme4."""
    theirs = load("sleepstudy_after_fit")
    model = "Reaction ~ Days + (1 + Days | Subject)"
    fit = ml.fit(model, ml.datasets.sleepstudy())
    head = ("lme4", "sleepstudy", model)
    found = fit.random_effects()["estimate"].loc["Subject"].unstack("effect")
    yield from each(head, "random intercept", found.index, theirs["ranef"]["intercept"], found["Intercept"])
    yield from each(head, "random slope", found.index, theirs["ranef"]["Days"], found["Days"])
    new = pd.DataFrame({name: theirs["predict"][name] for name in ("Subject", "Days")})
    for conditional, name in ((True, "conditional"), (False, "marginal")):
        ours = fit.predict(new, conditional=conditional)["estimate"]
        rows = list(zip(new["Subject"], new["Days"], strict=True))
        yield from each(head, f"prediction, {name}", rows, theirs["predict"][name], ours)
    without = ml.influence(fit).coefficients
    for subject, expected in theirs["without"].items():
        yield from each(
            head,
            "coefficient, one subject left out",
            [subject, subject],
            expected["beta"],
            without.loc[subject],
        )


def second_order_of_sas() -> Iterator[Figure]:
    """PROC MIXED's ddfm=kr and ddfm=kr(linear) on fev_data."""
    data = frame("fev1")
    for keyword, theirs in test_second_order.FEV1.items():
        formula = f"FEV1 ~ ARMCD + {keyword}(AVISIT | USUBJID)"
        fit = ml.fit(formula, data, engine=test_second_order.SECOND_ORDER)
        full, linear = fit.coefficients().iloc[1], ml.fit(formula, data).coefficients().iloc[1]
        head = ("SAS PROC MIXED", "fev_data", f"type={theirs['sas_type']}")
        ours = {
            "minus2_reml": ("-2 REML log-likelihood", -2 * fit.loglik),
            "estimate": ("difference of arms", full["estimate"]),
            "se_linear": ("SE, ddfm=kr(linear)", linear["se"]),
            "se": ("SE, ddfm=kr", full["se"]),
            "df": ("df, ddfm=kr", full["df"]),
        }
        for key, (quantity, value) in ours.items():
            if key in theirs:
                yield Figure(*head, quantity, "TRT - PBO", theirs[key], float(value))
        change, their_change = full["se"] / linear["se"], theirs["se"] / theirs["se_linear"]
        yield Figure(*head, "SE, ddfm=kr over kr(linear)", "TRT - PBO", float(their_change), float(change))


def hamd17_of_mmrm() -> Iterator[Figure]:
    """Twelve MMRMs of HAMD17 as mmrm and emmeans fit them by default, which stops a little early."""
    for name in test_hamd17.MODELS:
        theirs = load("hamd17")["fits"][name]
        fit = ml.fit(test_hamd17.spec_of(name), ml.datasets.hamd17())
        head = ("mmrm, by its defaults", "hamd17", name)
        yield Figure(*head, "-2 REML log-likelihood", "", theirs["minus2_reml_loglik"], -2 * fit.loglik)
        for ours, table, column, what in (
            (fit.means(by=["week", "TRT"]), theirs["ls_means"], "emmean", "LS mean"),
            (
                fit.contrasts(versus="2", factor="TRT", by="week"),
                theirs["trt1_minus_trt2"],
                "estimate",
                "difference of arms",
            ),
        ):
            yield from each(head, what, ours.index, table[column], ours["estimate"])
            yield from each(head, f"{what}, Kenward-Roger SE", ours.index, table["SE"], ours["se"])
            yield from each(head, f"{what}, Kenward-Roger df", ours.index, table["df"], ours["df"])


def conditional_families() -> Iterator[Figure]:
    """Marginal log-likelihoods at the estimates of glmer and clmm."""
    programs = {"toenail": "lme4::glmer", "epil": "lme4::glmer", "wine": "ordinal::clmm"}
    for name in test_conditional_against_r.CASES:
        family, data, _ = test_conditional_against_r.CASES[name]
        design, theirs, beta, phi, theta = test_conditional_against_r.case(name)
        likelihood = test_conditional_against_r.marginal_likelihood(design)
        ours = likelihood.integrals((beta,), phi, theta, n_nodes=41).log_likelihood.sum()
        yield Figure(
            programs[data], data, family, "log-likelihood, 41 nodes", "", theirs["loglik"], float(ours)
        )


def modified_box() -> Iterator[Figure]:
    """Joint tests that Skene and Kenward (2010) print."""
    reference = load("skene_kenward")
    for case in ("complete", "missing"):
        table = pd.DataFrame(reference["data"]["cardiac"])
        if case == "missing":
            table.loc[(table["dog"] == 4) & (table["time"] >= 7), "atp"] = np.nan
        model = "atp ~ C(trt) * C(time) + us(time | dog)"
        ours = ml.fit(model, table, engine=ml.Frequentist(ddf="modified-box")).test("C(trt):C(time)").iloc[0]
        theirs = reference["figures"][f"cardiac_{case}"]
        head = ("Skene and Kenward 2010", f"cardiac enzyme, {case}", model)
        yield Figure(*head, "modified Box F", "C(trt):C(time)", theirs["F_mod"], float(ours["statistic"]))
        yield Figure(*head, "modified Box p", "C(trt):C(time)", theirs["p_value"], float(ours["p_value"]))
