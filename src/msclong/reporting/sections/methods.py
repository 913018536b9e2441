"""The methods as a text to paste into a manuscript: past tense, numbered citations, references below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.at_random import entered, given
from msclong.reporting.cautions import boundary, unused, used
from msclong.reporting.citations import named, numbered
from msclong.reporting.comparisons import Comparison, Refusal, baseline
from msclong.reporting.covariance_words import covariance_in_words
from msclong.reporting.held import held
from msclong.reporting.inline import plain
from msclong.reporting.methods import methods
from msclong.reporting.multiplicity import adjustment
from msclong.reporting.prior_words import priors_in_words
from msclong.reporting.record import Block, Bullets, Code, Paragraph, Section, Subheading, Table, unfolded
from msclong.reporting.references import REFERENCES, Description
from msclong.reporting.sections.model import baseline_use
from msclong.reporting.sections.reproducibility import versions
from msclong.reporting.wording import inside, listed, sentence, spoken
from msclong.reporting.words import words
from msclong.results.fit import Fit

OF_POSTERIORS = {
    "prior-posterior": "posteriors were compared with their priors",
    "prior-sensitivity": "the sensitivity of posteriors to their priors was judged by power scaling (Kallioinen et al. "
    "2024)",
    "predictive": "observed statistics were compared with their posterior predictive distribution",
}
"""Checks, by the key of their table without its number."""

PAST = {"are": "were", "is": "was", "have": "had", "has": "had", "use": "used"}
"""Verbs of the library's own descriptions, which are in the present tense."""

BY_NUTS = ("pymc", "nutpie", "arviz")
"""Packages that only a No-U-Turn sample rests on."""

ALWAYS = ("Python", "msclong", "numpy", "scipy", "pandas", "patsy")


def methods_text(analysis: Analysis, found: Comparison | Refusal, sections: Sequence[Section]) -> Section:
    """Model, covariance, estimation, priors, what departed from these, missing outcomes, contrasts, multiplicity,
    checks, software, references.

    sections : of the report, whose tables say which checks were made.
    """
    parts = [
        _model(analysis),
        _past(covariance_in_words(analysis.design)),
        _fallback(analysis),
        *_estimation(analysis),
        _missing(analysis),
        *_contrasts(analysis, found),
        *_checks(sections),
        _software(analysis),
    ]
    text, references = numbered(
        " ".join(part.text for part in parts if part.text), [key for part in parts for key in part.cites]
    )
    text = plain(text, {})
    if references:
        text += "\n\nReferences\n" + "\n".join(f"{i}. {text}" for i, text in enumerate(references, start=1))
    told = (
        "The analysis as a manuscript may describe it, with its references in the order of citation. It is "
        "written from "
        "the record of the fits: how the trial was done, and why it was analysed so, is for its authors to add."
    )
    blocks: list[Block] = [Paragraph(told), Code(text, "text")]
    whole = " ".join([text, *map(words, sections)])
    if further := sorted(source for key in named(whole) if (source := REFERENCES[key]) not in whole):
        blocks += [Subheading("Cited elsewhere in this report"), Bullets(tuple(further))]
    return Section("methods", "Methods, to paste", tuple(blocks))


def _model(analysis: Analysis) -> Description:
    spec, design = analysis.spec, analysis.design
    if design.conditional:
        kind = f"a generalised linear mixed model ({design.family.description})"
    else:
        kind = "a linear mixed model" if spec.parsed.random else "a mixed model for repeated measures"
        if design.linked:
            kind += f" of {design.family.measured}"
    terms = [_term(name) for name in design.fixed.terms if name != "Intercept"]
    effects = f"with fixed effects of {listed(terms)}" if terms else "with a mean as its only fixed effect"
    use = baseline_use(analysis)
    text = f"{spec.outcome_label} was analysed with {kind} {effects}. {_in_past(use.text)}"
    return Description(text.strip(), use.cites)


def _term(name: str) -> str:
    """A patsy term as prose names it: 'C(visit):arm' as 'visit by arm'."""
    return " by ".join(
        re.sub(r"^[CQ]\(['\"]?(\w+)['\"]?(?:,.*)?\)$", r"\1", part) for part in name.split(":")
    )


def _fallback(analysis: Analysis) -> Description:
    """Which declared covariances gave way to the one described."""
    if not (tried := unused(analysis)):
        return Description("")
    names = listed([name for name, _ in tried])
    return Description(
        f"The covariance was the alternative declared for this case beforehand, {used(analysis)}: {names}, declared "
        "before it, could not be estimated."
    )


def _estimation(analysis: Analysis) -> Iterable[Description]:
    """Each engine, with its priors."""
    for i, (name, fit) in enumerate(analysis.fits.items()):
        told = _past(methods(fit))
        again = " again" if i else ""
        if analysis.bayesian(name):
            start = f"The {'same ' if i else ''}model was fitted{again} by Bayesian inference, with "
        else:
            start = f"The model was fitted{again} by "
        yield Description(f"{start}{inside(told.text)}", told.cites)
        if fit.priors is not None:
            yield _past(priors_in_words(analysis.design, fit.priors))
        if fit.outcome.singular:
            yield Description(
                f"In the {spoken(name)} fit {boundary(fit)}, so that the covariance was singular."
            )


def _missing(analysis: Analysis) -> Description:
    return Description(
        f"{entered(analysis.engines, 'entered')}; none was imputed or carried forward. Inference is valid if outcomes "
        f"are missing {given(analysis.engines)}."
    )


def _contrasts(analysis: Analysis, found: Comparison | Refusal) -> Iterable[Description]:
    if isinstance(found, Refusal):
        return
    kinds = dict.fromkeys("credible" if analysis.bayesian(name) else "confidence" for name in analysis.fits)
    against = []
    if not all(found.between) and analysis.spec.outcome_type != "change":
        start = analysis.names.visit(baseline(analysis))
        against.append(f"their {analysis.effect}s {'to' if analysis.null else 'from'} {start}")
    if any(found.between):
        against.append(f"their {analysis.effect}s between arms")
    taken = f", {grid}" if (grid := held(analysis)) else ""
    yield Description(
        f"Estimates are marginal (least-squares) {analysis.averages} at each {analysis.occasion}"
        f"{''.join(f' and {t}' for t in against)}{taken}, with two-sided {LEVEL:.0%} {' or '.join(kinds)} intervals."
    )
    if analysis.spec.margin is not None:
        yield Description(
            f"A {analysis.effect} of {analysis.spec.margin:g}{analysis.names.unit} was taken as relevant."
        )
    adjusted = adjustment(analysis)
    if adjusted is None:
        yield Description(f"No adjustment was made for the number of {analysis.occasion}s and comparisons.")
    else:
        text = adjusted.text.replace("Adjusted: by", "P-values were adjusted by", 1)
        yield Description(text.replace("rows of the table", "contrasts"), adjusted.cites)


def _checks(sections: Iterable[Section]) -> Iterable[Description]:
    """Those of which the report has a table."""
    blocks = (block for section in sections for block in unfolded(section.blocks))
    made = {re.sub(r"-\d+$", "", block.key): block for block in blocks if isinstance(block, Table)}
    if "influence" in made:
        case = made["influence"].columns[0].label
        whose = "single participants" if case == "Participant" else f"each {case.lower()}"
        yield Description(
            f"The influence of {whose} was judged by Cook\u2019s distance (Cook 1977).", ("cook",)
        )
    if told := [words for key, words in OF_POSTERIORS.items() if key in made]:
        cites = ("kallioinen",) if "prior-sensitivity" in made else ()
        yield Description(sentence(listed(told)), cites)


def _software(analysis: Analysis) -> Description:
    found = versions()
    used = [*ALWAYS, *(BY_NUTS if any(map(_by_nuts, analysis.fits.values())) else ())]
    used += (
        ["statsmodels"]
        if any(type(f.engine).__name__ == "StatsmodelsMixedLM" for f in analysis.fits.values())
        else []
    )
    texts = [f"{name} {found[name]}" for name in used if name in found]
    seeds = {name: fit.outcome.diagnostics.get("seed") for name, fit in analysis.fits.items()}
    drawn = [
        f"the seed of the {spoken(name)} fit was {seed}" for name, seed in seeds.items() if seed is not None
    ]
    return Description(f"Software: {', '.join(texts)}{f'; {listed(drawn)}' if drawn else ''}.")


def _by_nuts(fit: Fit) -> bool:
    return fit.outcome.diagnostics.get("sampler") == "nuts"


def _past(description: Description) -> Description:
    return Description(_in_past(description.text), description.cites)


def _in_past(text: str) -> str:
    return re.sub(rf"\b({'|'.join(PAST)})\b", lambda found: PAST[found[0]], text)
