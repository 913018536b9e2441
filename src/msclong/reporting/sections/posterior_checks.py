"""Posterior checks of each Bayesian fit: draws, posteriors of the contrasts, priors, prior sensitivity, prediction."""

from __future__ import annotations

from msclong.engines.bayesian.engine import Bayesian
from msclong.reporting.analysis import Analysis
from msclong.reporting.comparisons import Comparison, Refusal
from msclong.reporting.record import Block, Section, Subheading
from msclong.reporting.sections.draws import chains, checks_of_draws
from msclong.reporting.sections.half_eyes import half_eyes
from msclong.reporting.sections.prediction import prediction
from msclong.reporting.sections.prior_sensitivity import sensitivity_to_priors
from msclong.reporting.sections.priors import learnt_from_data
from msclong.reporting.wording import spoken


def posterior_checks(analysis: Analysis, found: Comparison | Refusal) -> Section | None:
    """None without a Bayesian fit."""
    blocks: list[Block] = []
    bayesian = [name for name in analysis.fits if analysis.bayesian(name)]
    for number, (name, fit) in enumerate(analysis.fits.items(), start=1):
        if name not in bayesian:
            continue
        of = "" if len(bayesian) == 1 else f": {spoken(name)} fit"
        blocks += [Subheading(f"Draws{of}"), *checks_of_draws(name, fit, number)]
        blocks += chains(analysis, name, fit, found, number)
        blocks += half_eyes(analysis, name, fit, found, number)
        if isinstance(fit.engine, Bayesian):  # whose priors are known
            blocks += [
                Subheading(f"What the data added to the priors{of}"),
                *learnt_from_data(analysis, name, fit, found, number),
                Subheading(f"Sensitivity to the priors{of}"),
                *sensitivity_to_priors(analysis, name, fit, found, number),
            ]
        blocks += [Subheading(f"Posterior predictive checks{of}"), *prediction(analysis, name, fit, number)]
    return Section("posterior", "Posterior checks", tuple(blocks)) if blocks else None
