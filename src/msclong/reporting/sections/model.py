"""The model and how it was estimated, in an equation and in words."""

from __future__ import annotations

from msclong.reporting.analysis import Analysis
from msclong.reporting.methods import COVARIANCE_WORDS, REFERENCES, methods, priors_in_words
from msclong.reporting.record import (
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
from msclong.reporting.tables import frame_table
from msclong.reporting.wording import spoken


def model(analysis: Analysis) -> Section:
    """Formula, equation, covariance, estimation by engine, priors, and what the methods rest on."""
    spec = analysis.spec
    described = {name: methods(fit) for name, fit in analysis.fits.items()}
    blocks: list[Block] = [
        Code(spec.formula, "formula"),
        Equation(spec.equation()),
        Paragraph(
            "A term that holds a factor stands for as many coefficients as the factor adds columns to the "
            "model; all are in [[section:coefficients]]."
        ),
        Subheading("Covariance"),
        Paragraph(_covariance(analysis)),
        Subheading("Estimation"),
        Definitions(tuple((name, description.text) for name, description in described.items())),
    ]
    words = priors_in_words(spec.priors)
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        if fit.priors is not None:
            described[f"priors-{number}"] = words
            caption = f"Prior distributions of the {spoken(name)} fit, in outcome units"
            table = frame_table(fit.priors, f"priors-{number}", caption)
            blocks += [
                Subheading("Prior distributions"),
                Paragraph(f"{words.text} All are in [[table:priors-{number}]]."),
            ]
            blocks.append(FoldOut(caption, (table,)))
    cited = sorted(
        {key for description in described.values() for key in description.cites}, key=REFERENCES.__getitem__
    )
    if cited:
        blocks += [Subheading("References"), Bullets(tuple(REFERENCES[key] for key in cited))]
    return Section("model", "The model", tuple(blocks))


def _covariance(analysis: Analysis) -> str:
    terms = analysis.spec.parsed.covariance
    if not terms[0].is_random:
        return COVARIANCE_WORDS.get(
            terms[0].structure,
            f"The outcomes of one participant have a covariance that is "
            f"{analysis.design.structure.description}.",
        )
    effects = "; ".join(
        f"{term.variable} by {term.subject}{'' if term.correlated else ', uncorrelated'}" for term in terms
    )
    return (
        f"Outcomes of one participant are correlated through random effects ({effects}), which are jointly "
        "normal with mean zero; around them residuals are independent with one variance. Given the model, "
        "participants are independent."
    )
