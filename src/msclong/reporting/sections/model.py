"""The model and how it was estimated, in an equation and in words."""

from __future__ import annotations

from dataclasses import replace

from msclong.reporting.analysis import Analysis
from msclong.reporting.cautions import unused, used
from msclong.reporting.comparisons import baseline
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.methods import methods
from msclong.reporting.multiplicity import adjustment
from msclong.reporting.prior_words import priors_in_words, typeset
from msclong.reporting.record import (
    Axes,
    Block,
    Bullets,
    Code,
    Definitions,
    Equation,
    FoldOut,
    Paragraph,
    Section,
    Subheading,
)
from msclong.reporting.references import REFERENCES, Description
from msclong.reporting.tables import frame_table
from msclong.reporting.wording import inside, listed, spoken


def model(analysis: Analysis) -> Section:
    """Formula, equation, covariance, estimation by engine, priors, and what the methods rest on."""
    spec = analysis.spec
    estimation = {name: methods(fit) for name, fit in analysis.fits.items()}
    if (adjusted := adjustment(analysis)) is not None:
        estimation["Multiplicity"] = Description(
            f"Contrasts ([[table:contrasts]]). {adjusted.text}", adjusted.cites
        )
    covariance, mean = covariance_in_words(analysis.design), baseline_use(analysis)
    described = {**estimation, "covariance": covariance, "mean": mean}
    blocks: list[Block] = [
        Code(spec.formula, "formula"),
        Equation(spec.equation()),
        Paragraph(
            "A term that holds a factor stands for as many coefficients as the factor adds columns to the "
            f"model; all are in [[section:coefficients]]. {mean.text}".rstrip()
        ),
        Subheading("Covariance"),
        *_fallback(analysis),
        Paragraph(covariance.text),
        Subheading("Estimation"),
        Definitions(tuple((name, description.text) for name, description in estimation.items())),
    ]
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        if fit.priors is not None:
            words = priors_in_words(analysis.design, fit.priors)
            described[f"priors-{number}"] = words
            caption = (
                f"Prior distributions of the {spoken(name)} fit, {analysis.design.family.predictor_scale}"
            )
            table = replace(
                frame_table(typeset(fit.priors), f"priors-{number}", caption),
                axes=Axes("parameter"),
                context="priors",
            )
            table = replace(table, columns=tuple(replace(c, of=(("engine", name),)) for c in table.columns))
            blocks += [
                Subheading("Prior distributions"),
                Paragraph(f"{words.text} All are in [[table:priors-{number}]]."),
            ]
            blocks.append(FoldOut(caption, (table,)))
    cited = sorted(
        {key for description in described.values() for key in description.cites}, key=REFERENCES.__getitem__
    )
    if cited:
        blocks.append(FoldOut("References", (Bullets(tuple(REFERENCES[key] for key in cited)),)))
    return Section("model", "The model", tuple(blocks))


def _fallback(analysis: Analysis) -> list[Block]:
    """The declared structures that were not used; nothing where the first one was."""
    tried = unused(analysis)
    if not tried:
        return []
    text = (
        f"Tried in the order declared beforehand: {listed([*(name for name, _ in tried), used(analysis)])}. The last "
        "is used here, for those before it could not be estimated:"
    )
    return [Paragraph(text), Bullets(tuple(f"{name}: {inside(reason)}." for name, reason in tried))]


def baseline_use(analysis: Analysis) -> Description:
    """What became of the baseline visit, where the spec says."""
    use = analysis.spec.baseline_as
    if use == "constrained":
        return Description(
            f"The arms\u2019 means are constrained to be equal at {analysis.names.visit(baseline(analysis))}: "
            "constrained longitudinal data analysis (Liang and Zeger 2000).",
            ("liang-prepost",),
        )
    if use == "covariate":
        return Description("The outcome at the baseline visit is the covariate baseline.")
    return Description("")
