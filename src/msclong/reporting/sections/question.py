"""What was asked: outcome, comparison, baseline, margin, and how missing outcomes are handled."""

from __future__ import annotations

from msclong.reporting import say
from msclong.reporting.analysis import LEVEL, Analysis
from msclong.reporting.at_random import at_random, entered
from msclong.reporting.comparisons import baseline
from msclong.reporting.multiplicity import SIMULTANEOUS
from msclong.reporting.record import Block, Definitions, Section, Subheading
from msclong.reporting.wording import inside, listed, sentence


def question(analysis: Analysis) -> Section:
    """The analysis in the terms of its plan."""
    names = analysis.names
    items = [("Question", _question(analysis)), ("Outcome", _outcome(analysis))]
    if analysis.arm is not None:
        items.append(("Arms", _arms(analysis)))
    if analysis.times:
        visits = [names.label(time) for time in analysis.times]
        items.append(
            (
                "Visits" if names.visit_column in ("visit", "Visit") else f"Visits ({names.visit_column})",
                _visits(analysis, visits),
            )
        )
    items.append(("Baseline", _baseline(analysis)))
    items.append(("Participants", _participants(analysis)))
    items.append(("Relevant difference", _margin(analysis)))
    items.append(
        (
            "Missing outcomes",
            f"{entered(analysis.engines, 'enter')}; none is imputed or carried forward. Inference is valid if "
            f"outcomes are missing {at_random(analysis.engines)}.",
        )
    )
    items.append(("Intervals", _intervals(analysis)))
    return Section("question", "What was asked", (Definitions(tuple(items)), *_estimand(analysis)))


def _estimand(analysis: Analysis) -> tuple[Block, ...]:
    """The five attributes, where an estimand was declared."""
    if analysis.estimand is None:
        return ()
    visits = None if analysis.continuous_time or not analysis.times else analysis.times
    stated = analysis.estimand.statement(analysis.spec, visits=visits, arms=analysis.arms)
    return (Subheading("Estimand, in the attributes of ICH E9(R1)"), Definitions(tuple(stated)))


def _intervals(analysis: Analysis) -> str:
    text = f"{LEVEL:.0%}, two-sided, one row at a time (no adjustment for multiplicity)."
    if analysis.adjust is None:
        return text
    if analysis.adjust in SIMULTANEOUS:
        together = f"simultaneous intervals, which hold together with probability {LEVEL:.0%}"
        return f"{text} Adjusted p-values, and {together}, are in [[table:contrasts]]."
    return f"{text} Adjusted p-values are in [[table:contrasts]]."


def _question(analysis: Analysis) -> str:
    outcome = inside(analysis.names.outcome)
    if not analysis.times:
        return f"How does {outcome} depend on the terms of the model?"
    averaged = analysis.averaged(outcome)
    if analysis.spec.baseline_as == "covariate":
        if analysis.arm is None:
            return f"What is {averaged} at each {analysis.occasion}, given the baseline?"
        return (
            f"How far apart are the arms in {averaged} at each {analysis.occasion}, given the same baseline?"
        )
    arms = " in each arm, and how far apart are the arms" if analysis.arm is not None else ""
    if analysis.spec.outcome_type == "change":
        return f"What is the mean {outcome} at each {analysis.occasion}{arms}?"
    start = analysis.names.visit(baseline(analysis))
    return f"How far is {averaged} at each {analysis.occasion} from {start}{arms}?"


def _outcome(analysis: Analysis) -> str:
    spec = analysis.spec
    kind = (
        f"change from baseline, {'taken here' if spec.baseline_as == 'change' else 'computed before the analysis'}"
        if spec.outcome_type == "change"
        else "measured value"
    )
    label = spec.outcome_label if spec.label or spec.unit else ""
    column = f"column \N{LEFT DOUBLE QUOTATION MARK}{spec.parsed.outcome}\N{RIGHT DOUBLE QUOTATION MARK}"
    gaussian = analysis.spec.family == "gaussian"
    family = "Gaussian" if gaussian else analysis.design.family.description
    family += ", with censored values" if analysis.spec.censored else ""
    if spec.offset is not None:
        family += f"; offset {spec.offset}"
        family += ", the logarithm of the exposure: means are rates" if analysis.per_exposure else ""
    return f"{label}, {column}: {kind}; {family}." if label else f"C{column[1:]}: {kind}; {family}."


def _arms(analysis: Analysis) -> str:
    frame, subject = analysis.design.fixed.frame, analysis.subject
    sizes = frame.groupby(analysis.arm, observed=True)[subject].nunique().reindex(list(analysis.arms))
    texts = [
        f"{analysis.names.arm(arm)} (n = {say.count(n)})" for arm, n in zip(analysis.arms, sizes, strict=True)
    ]
    control = analysis.names.arm(analysis.arms[0])
    how = "divided by" if analysis.null else "minus"
    return f"{listed(texts)}. {analysis.effect.capitalize()}s are each other arm {how} {control}."


def _visits(analysis: Analysis, labels: list[str]) -> str:
    if analysis.continuous_time:
        return f"Time is continuous; means are given at {listed(labels)}."
    told = "" if analysis.data.visit is not None else " The model does not say which of them were planned."
    return f"{listed(labels)}.{told}"


def _baseline(analysis: Analysis) -> str:
    if analysis.spec.baseline_as == "change":
        return "Subtracted from every later outcome: the mean at each visit is the contrast against baseline."
    if analysis.spec.outcome_type == "change":
        return "Already subtracted: the mean at each visit is the contrast against baseline."
    if analysis.spec.baseline_as == "covariate":
        return "A covariate of the later visits, and no outcome itself."
    if not analysis.times:
        return "Not identified: the formula names no visit."
    first = analysis.spec.baseline is None and baseline(analysis) == analysis.times[0]
    given = "as specified" if not first else f"the first {analysis.occasion}"
    text = sentence(f"{analysis.names.visit(baseline(analysis))} ({given})")
    if analysis.spec.baseline_as == "constrained":
        text += " The mean outcome there is the same in all arms, as randomisation makes it."
    return text


def _participants(analysis: Analysis) -> str:
    fit = analysis.first
    enrolled = analysis.data.n_subjects
    text = f"{say.counted(fit.n_subjects, 'participant')} with "
    text += say.counted(fit.n_obs, "observed outcome", stat="n.obs")
    without = enrolled - fit.n_subjects
    return f"{text}; {say.count(without, 'n.without')} more without any." if without else f"{text}."


def _margin(analysis: Analysis) -> str:
    margin = analysis.spec.margin
    if margin is None:
        return "None was specified."
    side = "below" if margin < analysis.null else "above"
    text = f"{say.stated(margin, 'margin')}{'' if analysis.null else analysis.names.unit}"
    kinds = {analysis.bayesian(name) for name in analysis.fits}
    given = (
        [f"one-sided p-values of a test that the {analysis.effect} lies"] if False in kinds and margin else []
    ) + (["posterior probabilities that it lies"] if True in kinds else [])
    return (
        f"{text}; {' and '.join(f'{kind} {side} it' for kind in given)} are given." if given else f"{text}."
    )
