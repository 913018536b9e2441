"""The section on missing outcomes says what the analyses say."""

from __future__ import annotations

import pytest

import msclong as ml
from msclong.reporting import comparisons
from msclong.reporting.analysis import analysis
from msclong.reporting.inline import Said, pieces, plain
from msclong.reporting.record import Figure, FoldOut, Paragraph, Section, Table
from msclong.reporting.sections.sensitivity import sensitivity
from trials_with_dropout import SATURATED, trial


def section_of(*fits: ml.Fit) -> Section | None:
    given = analysis(list(fits))
    return sensitivity(given, comparisons.contrasts(given))


def text_of(section: Section) -> str:
    class Same(dict):
        def __missing__(self, key: str) -> str:
            return key

    return " ".join(plain(block.text, Same()) for block in section.blocks if isinstance(block, Paragraph))


def table_of(section: Section) -> Table:
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    return table


@pytest.fixture(scope="module")
def two_arms() -> ml.Fit:
    return ml.fit(
        ml.ModelSpec(SATURATED, arm="arm", outcome_type="change", unit="points"), trial(n=120, seed=4)
    )


@pytest.fixture(scope="module")
def section(two_arms) -> Section:
    found = section_of(two_arms)
    assert found is not None
    return found


def test_the_table_has_the_figures_of_the_analyses(two_arms, section):
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    rows = {row.cells[0].text: row.cells for row in table.rows}
    expected = {
        "The model itself": two_arms,
        "Jump to the mean of arm A": ml.sensitivity.reference_based(two_arms, "J2R"),
        "As in arm A all along (copy reference)": ml.sensitivity.reference_based(two_arms, "CR"),
        "Change as arm A does (copy increments)": ml.sensitivity.reference_based(two_arms, "CIR"),
        "Return to the mean at baseline, all arms": ml.sensitivity.return_to_baseline(two_arms),
        "The same, jackknife standard errors": ml.sensitivity.delta(two_arms, 0.0),
        "Maximum likelihood in place of REML (Satterthwaite df)": ml.fit(
            two_arms.spec, trial(n=120, seed=4), ml.Frequentist(method="ml", ddf="satterthwaite")
        ),
    }
    for name, fit in expected.items():
        last = fit.contrasts().iloc[-1]
        assert rows[name][1].value == pytest.approx(last["estimate"], rel=1e-9)
        assert rows[name][2].value == pytest.approx((last["lower"], last["upper"]), rel=1e-9)
        assert rows[name][3].value == pytest.approx(last["p_value"], rel=1e-9)
    assert "Participants seen at every visit alone" in rows
    assert "Heterogeneous Toeplitz (toeph) covariance in place of unstructured (us)" in rows


def test_sentences_say_the_tipping_point_and_who_dropped_out(two_arms, section):
    tipping = ml.sensitivity.tipping_point(two_arms)
    said = {
        piece.stat: piece.value
        for block in section.blocks
        if isinstance(block, Paragraph)
        for piece in pieces(block.text)
        if isinstance(piece, Said)
    }
    assert said["tipping.point"] == pytest.approx(tipping.tipping)
    assert said["reversal.point"] == pytest.approx(tipping.reversal)
    assert "points higher than missing at random" in text_of(section)
    (figure,) = (block for block in section.blocks if isinstance(block, Figure))
    assert figure.data["estimate"].iloc[0] == pytest.approx(two_arms.contrasts()["estimate"].iloc[-1])
    shifts = next(block for block in section.blocks if isinstance(block, FoldOut)).blocks[0]
    assert len(shifts.rows) == len(figure.data)


def test_of_three_arms_each_difference_has_a_span_and_a_figure():
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change")
    found = section_of(ml.fit(spec, trial(n=90, arms=("A", "B", "C"))))
    (table,) = (block for block in found.blocks if isinstance(block, Table))
    assert [column.label for column in table.columns].count("Estimate") == 2
    assert len([block for block in found.blocks if isinstance(block, Figure)]) == 2


def test_a_single_arm_returns_to_baseline_and_has_a_tipping_point():
    found = section_of(ml.fit("y ~ visit + us(visit | id)", trial(n=60, arms=("only",), gaps=False)))
    text = text_of(found)
    assert "returned to the mean at baseline" in text
    assert "ipping point" in text
    assert "of the same arm" not in text


def shifted(by: float, **engine: str) -> ml.Fit:
    """Outcomes of arm B moved by `by`, which moves the difference by as much."""
    data = trial(n=120, seed=4)
    data.loc[data["arm"] == "B", "y"] += by
    spec = ml.ModelSpec(SATURATED, arm="arm", outcome_type="change", unit="points")
    return ml.fit(spec, data, ml.Frequentist(**engine))


def test_without_significance_both_directions_are_told(two_arms):
    fit = shifted(0.1 - two_arms.contrasts()["estimate"].iloc[-1])
    text = text_of(section_of(fit)).replace("\xa0", " ")
    below, above = (f"{abs(shift):.1f}" for shift in ml.sensitivity.tipping_point(fit).changes)
    assert "would exclude zero once outcomes after dropout in arm B were" in text
    assert f"{above} points higher" in text
    assert f"{below} points lower" in text
    assert "only if" not in text


def test_where_the_two_intervals_disagree_the_section_says_so(two_arms):
    own = two_arms.contrasts().iloc[-1]
    jackknife = ml.sensitivity.delta(two_arms, 0.0).contrasts().iloc[-1]
    fit = shifted(-(own["upper"] + jackknife["upper"]) / 2)
    found = ml.sensitivity.tipping_point(fit)
    assert not found.agrees
    text = text_of(section_of(fit))
    assert "already depends on the standard error" in text
    assert ("includes zero, and that of the jackknife" in text) == found.significant
    assert "already depends" not in text_of(section_of(two_arms))


def test_nobody_gone_of_an_arm_has_no_tipping_point():
    data = trial(n=80)
    kept = (data["arm"] == "A") | (data.groupby("id")["y"].transform("size") == 4)
    fit = ml.fit(ml.ModelSpec(SATURATED, arm="arm", outcome_type="change"), data[kept])
    assert "Nobody in arm B dropped out" in text_of(section_of(fit))


@pytest.mark.parametrize(
    ("engine", "absent", "present"),
    [
        (
            {"method": "ml", "ddf": "satterthwaite"},
            "Maximum likelihood",
            "REML in place of maximum likelihood",
        ),
        ({"vcov": "CR2", "ddf": "satterthwaite"}, "CR2", "Maximum likelihood in place of REML"),
    ],
)
def test_other_analyses_differ_from_the_fit_in_one_thing(engine, absent, present):
    fit = shifted(0.0, **engine)
    rows = {row.cells[0].text: row.cells for row in table_of(section_of(fit)).rows}
    assert present in rows
    assert not [name for name in rows if name.startswith(absent) or name.endswith(absent)]
    toeph = ml.fit(
        fit.spec.replace(formula=SATURATED.replace("us(", "toeph(")), trial(n=120, seed=4), fit.engine
    )
    whole = trial(n=120, seed=4)
    whole = whole[whole.groupby("id")["y"].transform("size") == 4]
    for name, other in (
        ("Heterogeneous Toeplitz (toeph) covariance in place of unstructured (us)", toeph),
        ("Participants seen at every visit alone", ml.fit(fit.spec, whole, fit.engine)),
    ):
        assert rows[name][3].value == pytest.approx(other.contrasts()["p_value"].iloc[-1], rel=1e-6)


def test_where_no_visits_were_planned_nobody_is_said_to_have_dropped_out():
    data = trial().assign(week=lambda frame: frame["visit"].str[1:].astype(float))
    formula = "y ~ x + arm * week + (1 | id)"
    found = section_of(ml.fit(ml.ModelSpec(formula, arm="arm"), data))
    assert found.key == "no-sensitivity"
    assert "names no planned visits" in text_of(found)
    named = section_of(ml.fit(ml.ModelSpec(formula, arm="arm", visit="week"), data))
    assert "had dropped out" in text_of(named)


def test_ratios_have_no_tipping_point_and_do_not_cite_one():
    spec = ml.ModelSpec(SATURATED, arm="arm", family="lognormal")
    text = text_of(section_of(ml.fit(spec, trial(n=80))))
    assert "Yan" not in text
    assert "ipping" not in text


def test_a_posterior_alone_is_examined_through_a_frequentist_fit_of_the_same_model():
    spec = ml.ModelSpec("y ~ (x + arm) * visit + cs(visit | id)", arm="arm", outcome_type="change")
    bayesian, frequentist = (ml.fit(spec, trial(), e) for e in (ml.Bayesian(seed=1), ml.Frequentist()))
    found, expected = section_of(bayesian), section_of(frequentist)
    rows, own = table_of(found).rows, table_of(expected).rows
    assert [row.cells[1:] for row in rows] == [row.cells[1:] for row in own]
    assert rows[0].cells[0].text == "The same model by REML (frequentist)"
    assert own[0].cells[0].text == "The model itself"
    assert "of a frequentist fit of the same model" in text_of(found)
    assert "of a frequentist fit" not in text_of(expected)
    both = section_of(bayesian, frequentist)
    assert table_of(both).rows[0].cells[0].text == "The model itself (frequentist)"
    assert "of a frequentist fit" not in text_of(both)


def test_complete_data_say_that_nothing_is_missing():
    fit = ml.fit("Reaction ~ C(Days) + cs(Days | Subject)", ml.datasets.sleepstudy())
    text = text_of(section_of(fit))
    assert "no outcome is missing" in text
    assert "All 18 participants" in text


def test_what_cannot_be_imputed_is_said_and_does_not_count_as_done():
    data = trial().assign(w=2.0)
    fit = ml.fit(ml.ModelSpec(SATURATED, arm="arm", weights="w"), data)
    found = section_of(fit)
    assert found.key == "no-sensitivity"
    assert "weighted" in text_of(found)
    times = ml.fit("Reaction ~ Days + (1 + Days | Subject)", _irregular())
    assert section_of(times) is None


def _irregular():
    sleep = ml.datasets.sleepstudy()
    return sleep.assign(Days=sleep["Days"] + (sleep.index % 7) / 10)


def test_a_study_says_it_of_its_primary_outcomes_alone(two_arms, section):
    endpoints = {
        name: {"role": role, **two_arms.spec.to_dict()}
        for name, role in (("y", "primary"), ("z", "secondary"))
    }
    for name, endpoint in endpoints.items():
        endpoint.pop("msclong_spec")
        endpoint["formula"] = SATURATED.replace("y ~", f"{name} ~")
    data = trial(n=120, seed=4)
    study = ml.Study(data.assign(z=data["y"] ** 2), ml.AnalysisPlan.declare(endpoints)).fit()
    found = {one.key: one for one in ml.report(study).sections}["sensitivity"]
    text = text_of(found)
    point = next(
        piece.value
        for block in section.blocks
        if isinstance(block, Paragraph)
        for piece in pieces(block.text)
        if isinstance(piece, Said) and piece.stat == "tipping.point"
    )
    assert point in [
        piece.value
        for block in found.blocks
        if isinstance(block, Paragraph)
        for piece in pieces(block.text)
        if isinstance(piece, Said)
    ]
    assert "Under missing at random the difference" in text
    assert text.count("Tipping point") == 1
