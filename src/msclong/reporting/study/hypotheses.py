"""The hypotheses of a study: which p-values were adjusted with which others, and which tests were not two-sided."""

from __future__ import annotations

from dataclasses import dataclass

from msclong.contrasts.graphical import GraphicalProcedure
from msclong.reporting import say
from msclong.reporting.analysis import Analysis
from msclong.reporting.study.named import named
from msclong.reporting.study.results import OutcomeResult, StudyResult
from msclong.study.endpoint import CONFIRMATORY


@dataclass(frozen=True, eq=False)
class Adjusted:
    """What was adjusted, by the first engine with p-values.

    tested : confirmatory outcomes with p-values. several : those of them with more than one hypothesis, which were
    adjusted within the outcome. over : the outcomes over which p-values were adjusted, in words; empty where they were
    not. gated : whether secondary outcomes were tested after primary ones. kept : confirmatory outcomes that could not
    be tested, and counted in the adjustment of others with a p-value of 1.
    """

    tested: tuple[OutcomeResult, ...]
    several: tuple[OutcomeResult, ...]
    over: str
    gated: bool
    kept: tuple[OutcomeResult, ...]

    def ways(self, within: str, across: str) -> list[str]:
        """'within each outcome by X', 'over the 3 secondary outcomes by Y', of what was done."""
        found = []
        if self.several:
            each = "the confirmatory outcome" if len(self.tested) == 1 else "each outcome"
            if len(self.several) < len(self.tested):
                each += " with several hypotheses"
            found.append(f"within {each} by {within}")
        if self.over:
            found.append(f"over {self.over} by {across}")
        return found


def adjusted(found: StudyResult) -> Adjusted:
    """Of the outcomes that have p-values, not of those that the plan hoped for."""
    plan, engine = found.study.plan.multiplicity, found.frequentist
    confirmatory = [one for one in found.outcomes if one.endpoint.role in CONFIRMATORY]
    tested = [one for one in confirmatory if engine in one.tables]
    several = [one for one in tested if one.tables[str(engine)]["tested"].sum() > 1]
    peers = {role: sum(one.endpoint.role == role for one in confirmatory) for role in CONFIRMATORY}
    have = {one.endpoint.role for one in tested}
    if isinstance(plan.across, GraphicalProcedure):
        roles, gated = list(CONFIRMATORY if tested else ()), False
        over = "the outcomes" if tested and len(confirmatory) > 1 else ""
    else:
        roles = [role for role in CONFIRMATORY if role in have and peers[role] > 1]
        gated = plan.gatekeeping == "serial" and "secondary" in have and peers["primary"] > 0
        over = "the outcomes of each role" if roles else ""
        if len(roles) == 1:
            over = f"the {say.counted(peers[roles[0]], f'{roles[0]} outcome')}"
    reach = {*roles, *(["primary"] if gated else [])}
    kept = [one for one in confirmatory if one not in tested and one.endpoint.role in reach]
    return Adjusted(tuple(tested), tuple(several), over, gated, tuple(kept))


def sides(found: StudyResult, be: str) -> str:
    """Of which outcomes tests are not two-sided, and what they are of; empty where all are. be : 'are' or 'were'."""
    tested = [one for one in found.outcomes if found.frequentist in one.tables]
    kinds: dict[str, list[str]] = {}
    for one in tested:
        test = one.endpoint.test or "two-sided"
        if test != "two-sided":
            against = _against(test, one.analyses[str(found.frequentist)])
            kinds.setdefault(against, []).append(one.label)
    if not kinds:
        return ""
    others = len(tested) - sum(map(len, kinds.values()))
    if len(kinds) == 1 and not others:
        return f"{'All tests' if len(tested) > 1 else 'Tests'} {be} {next(iter(kinds))}."
    parts = [f"of {named(labels, len(tested))} {be} {kind}" for kind, labels in kinds.items()]
    return f"Tests {'; those '.join(parts)}{f'; all others {be} two-sided' if others else ''}."


def _against(test: str, analysis: Analysis) -> str:
    if test == "equivalence":
        return "two one-sided tests, of equivalence within the margin"
    if test in ("superiority", "non-inferiority"):
        return f"one-sided, of {test} by the margin"
    article = "an" if analysis.effect.startswith("o") else "a"
    side = "below" if test == "less" else "above"
    return f"one-sided, of {article} {analysis.effect} {side} {analysis.null_word}"
