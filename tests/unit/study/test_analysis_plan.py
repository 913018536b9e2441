"""Plans as text: what is written reads back as the same plan, and mistakes are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

import msclong as ml
from msclong.errors import EngineError, FormulaError, MsclongError, SpecError

DEFAULTS = {"formula": "{outcome} ~ C(month) + us(month | patient)", "role": "secondary"}

GRAPH = ml.GraphicalProcedure({"score": 0.5, "flow": 0.5}, {"score": {"flow": 1.0}, "flow": {"score": 1.0}})


def _plan(**study):
    return ml.AnalysisPlan.declare(
        {
            "score": {
                "margin": -1,
                "role": "primary",
                "tested": [6, 12],
                "mid": -2,
                "label": "Größe",
                "unit": "points",
            },
            "flow": {"family": "lognormal", "better": "higher", "fallback": ["cs"]},
            "count": {
                "formula": "{outcome} ~ C(month) + (1 | patient)",
                "visit": "month",
                "family": "poisson",
                "role": "exploratory",
                "approximation": {"formula": "{outcome} ~ C(month) + cs(month | patient)"},
                "priors": ml.Priors(coefficients={"C(month)[T.6]": ml.Normal(0, 1)}).to_dict(),
            },
            "titre": {"outcome": "raw", "transform": "log2", "role": "exploratory", "rows": {"PARAMCD": "T"}},
        },
        DEFAULTS,
        **study,
    )


FULL = {
    "title": "A trial",
    "estimand": ml.Estimand(population="adults", intercurrent_events={"death": "composite"}),
    "multiplicity": ml.Multiplicity(within="holm", across=GRAPH),
    "engines": [ml.Frequentist(ddf="satterthwaite"), ml.Bayesian(seed=3)],
    "events": {"adverse event": "ae"},
}


@pytest.mark.parametrize("study", [{}, FULL])
@pytest.mark.parametrize("form", ["toml", "json", "dict"])
def test_a_plan_round_trips(study, form):
    plan = _plan(**study)
    written = getattr(plan, f"to_{form}")()
    assert getattr(ml.AnalysisPlan, f"from_{form}")(written) == plan


def test_a_plan_round_trips_through_files(tmp_path):
    plan = _plan(**FULL)
    plan.to_toml(tmp_path / "plan.toml")
    plan.to_json(tmp_path / "plan.json")
    assert ml.AnalysisPlan.from_toml(tmp_path / "plan.toml") == plan
    assert ml.AnalysisPlan.from_json(str(tmp_path / "plan.json")) == plan


def test_defaults_fill_what_is_left_open():
    plan = _plan()
    assert plan.endpoints["flow"].spec.formula == "flow ~ C(month) + us(month | patient)"
    assert plan.endpoints["flow"].role == "secondary"
    assert plan.endpoints["titre"].spec.formula == "np.log2(raw) ~ C(month) + us(month | patient)"
    assert plan.endpoints["count"].approximation.formula == "count ~ C(month) + cs(month | patient)"


def test_priors_may_be_objects():
    priors = ml.Priors(coefficient_sd=1.0)
    plan = ml.AnalysisPlan.declare({"a": {"priors": priors}, "b": {}}, DEFAULTS | {"priors": priors})
    assert all(endpoint.spec.priors == priors for endpoint in plan.endpoints.values())


def test_objects_are_whole():
    spec = ml.ModelSpec("score ~ C(month) + us(month | patient)")
    endpoint = ml.Endpoint(spec, role="exploratory")
    plan = ml.AnalysisPlan.declare(
        {"spec": spec, "endpoint": endpoint, "fields": {}},
        DEFAULTS | {"family": "lognormal", "role": "primary"},
    )
    assert plan.endpoints["spec"] == ml.Endpoint(spec, role="primary"), (
        "a model is not changed; its role is open"
    )
    assert plan.endpoints["endpoint"] == endpoint
    assert plan.endpoints["fields"].spec.family == "lognormal"
    assert ml.AnalysisPlan.from_toml(plan.to_toml()) == plan


def test_what_all_outcomes_share_is_written_once():
    plan = ml.AnalysisPlan.declare({"a": {}, "b": {"margin": 1}}, DEFAULTS)
    record = plan.to_dict()
    assert record["defaults"] == {"formula": DEFAULTS["formula"]}
    assert record["outcomes"] == {"a": {}, "b": {"margin": 1, "better": "higher"}}


@pytest.mark.parametrize(
    ("outcomes", "study", "error", "message"),
    [
        ({}, {}, SpecError, "outcomes by name"),
        (["a"], {}, SpecError, "by name"),
        ({"a": 3}, {}, SpecError, "'a' is stated by"),
        ({"a": {"margin": 1, "margins": 2}}, {}, SpecError, "Outcome 'a': Unknown fields: margins"),
        ({"a": {"formula": None}}, {}, SpecError, "Outcome 'a': it has no formula"),
        ({"a": {"formula": 3}}, {}, SpecError, "Outcome 'a': its formula is no text: 3"),
        ({"a": {"transform": "ln"}}, {}, SpecError, "'a': transform takes"),
        ({"a": {"formula": "b ~ x + (1 | p)", "outcome": "c"}}, {}, SpecError, "another"),
        ({"a": {"formula": "{outcome} ~ ~"}}, {}, FormulaError, "~"),
        (
            {"a": {"formula": "np.log(a) ~ x + (1 | p)", "transform": "log"}},
            {},
            SpecError,
            "transforms the outcome",
        ),
        ({"a": {"transform": ["log"]}}, {}, SpecError, "'a': transform takes"),
        ({"a": {"fallback": "csh"}}, {}, SpecError, "got 'csh'"),
        ({"a": {"visit_order": 3}}, {}, SpecError, "visit_order"),
        ({"a": {"approximation": {"colour": 1}}}, {}, SpecError, "'a': .* approximation: colour"),
        ({"a": {"margin": 1, "test": "equivalence"}}, {}, SpecError, "within='holm'"),
        ({"a": {}}, {"colour": 3}, SpecError, "no field colour"),
        ({"a": {}}, {"multiplicity": None}, SpecError, "multiplicity"),
        ({"a": {}}, {"title": 3}, SpecError, "title"),
        ({"a": {}}, {"engines": "Frequentist"}, SpecError, "engines is a list"),
        ({"a": {}}, {"multiplicity": "holm"}, SpecError, "multiplicity"),
        ({"a": {}}, {"events": ["ae"]}, SpecError, "events"),
        ({"a": {}}, {"multiplicity": ml.Multiplicity(across=GRAPH)}, SpecError, "graph across outcomes"),
    ],
)
def test_mistakes_are_named(outcomes, study, error, message):
    with pytest.raises(error, match=message):
        ml.AnalysisPlan.declare(outcomes, DEFAULTS, **study)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [\n", "Not TOML"),
        ("title = 'x'\n", "no outcomes"),
        ("msclong_plan = 9\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n", "format 9"),
        ("colour = 'x'\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n", "Unknown fields of a plan: colour"),
        ("estimand = 'x'\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n", "estimand of a plan is a table"),
        ("engines = [1]\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n", "engines of a plan"),
        ("[[engines]]\nengine = 'Bayes'\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n", "got 'Bayes'"),
        (
            "[[engines]]\nengine = 'Bayesian'\nsed = 1\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n",
            "no option sed",
        ),
        (
            "[multiplicity]\nacros = 'holm'\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n",
            "multiplicity: acros",
        ),
        (
            "[multiplicity]\nacross = 'hochberg'\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n",
            "across=...\\) takes",
        ),
        (
            "[multiplicity.across]\nw = 1\n[outcomes.a]\nformula = 'a ~ x + (1 | p)'\n",
            "weights and transitions",
        ),
    ],
)
def test_text_that_is_no_plan_is_refused(text, message):
    with pytest.raises(MsclongError, match=message):
        ml.AnalysisPlan.from_toml(text)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"margin": "big"}, SpecError),
        ({"family": "gamble"}, SpecError),
        ({"formula": "flow ~ (x + us(v | p)"}, FormulaError),
        ({"fallback": "csh"}, SpecError),
        ({"priors": {"colour": 1}}, SpecError),
        ({"arm": 3}, SpecError),
        ({"label": 3}, SpecError),
        ({"role": "main"}, SpecError),
        ({"estimand": {"colour": 1}}, SpecError),
    ],
)
def test_errors_name_the_outcome_and_the_file(wrong, error, tmp_path):
    given = {"vas": {}, "flow": wrong}
    with pytest.raises(error, match="^Outcome 'flow': ") as found:
        ml.AnalysisPlan.declare(given, DEFAULTS)
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"defaults": DEFAULTS, "outcomes": given}), encoding="utf-8")
    with pytest.raises(error) as read:
        ml.AnalysisPlan.from_json(path)
    assert str(read.value) == f"{path}: {found.value}"
    assert type(read.value) is type(found.value)


def test_a_model_s_own_fields_are_of_its_outcome():
    with pytest.raises(SpecError, match="^Outcome 'a': role takes"):
        ml.AnalysisPlan.declare({"a": ml.ModelSpec("a ~ C(v) + us(v | p)")}, {"role": "main"})


def test_a_folder_is_no_plan(tmp_path):
    with pytest.raises(SpecError, match="is a folder; name the file that holds the plan"):
        ml.AnalysisPlan.from_toml(tmp_path)


def test_missing_files_and_values_without_text_are_named(tmp_path):
    with pytest.raises(SpecError, match="There is no plan"):
        ml.AnalysisPlan.from_toml(tmp_path / "none.toml")
    odd = ml.AnalysisPlan({"a": ml.Endpoint("a ~ C(v) + us(v | p)", tested=[object()])})
    for write in (odd.to_toml, odd.to_json):
        with pytest.raises(SpecError, match="cannot be written"):
            write()
    with pytest.raises(EngineError, match="can hold"):
        _plan(engines=[object()]).to_toml()


def test_mistakes_in_defaults_are_named():
    whole = {"a": ml.Endpoint("a ~ C(v) + us(v | p)")}
    with pytest.raises(SpecError, match="betterr"):
        ml.AnalysisPlan.declare(whole, {"betterr": "lower"})
    with pytest.raises(SpecError, match="defaults are fields"):
        ml.AnalysisPlan.declare(whole, "formula")


def _approximated(**changes):
    spec = ml.ModelSpec(
        "a ~ C(v) + (1 | p)", visit="v", family="poisson", label="A", arm="g", baseline=0, margin=0.8
    )
    other = ml.ModelSpec("a ~ C(v) + us(v | p)", **changes)
    return ml.AnalysisPlan(
        {"a": ml.Endpoint(spec, approximation=other, rows={"P": ("A", "B")}, mid=np.float64(0.5))}
    )


@pytest.mark.parametrize(
    "changes", [{}, {"priors": ml.Priors(coefficient_sd=1.0)}, {"margin": -1, "label": "B"}]
)
@pytest.mark.parametrize("form", ["toml", "json"])
def test_an_approximation_round_trips_whatever_it_lacks(changes, form):
    plan = _approximated(**changes)
    assert getattr(ml.AnalysisPlan, f"from_{form}")(getattr(plan, f"to_{form}")()) == plan


def test_a_default_approximation_of_a_model():
    spec = ml.ModelSpec("a ~ C(v) + (1 | p)", visit="v", family="poisson")
    plan = ml.AnalysisPlan.declare({"a": spec}, {"approximation": {"formula": "a ~ C(v) + us(v | p)"}})
    assert plan.endpoints["a"].approximation.formula == "a ~ C(v) + us(v | p)"


def test_nothing_said_of_an_estimand_is_nothing():
    plan = _plan(estimand=ml.Estimand())
    assert plan == _plan()
    assert ml.AnalysisPlan.from_toml(plan.to_toml()) == plan


def test_files_in_other_codes_and_odd_sources(tmp_path):
    text = _plan().to_toml()
    (tmp_path / "bom.toml").write_text(text, encoding="utf-8-sig")
    assert ml.AnalysisPlan.from_toml(tmp_path / "bom.toml") == _plan()
    (tmp_path / "latin.toml").write_text(text, encoding="latin-1")
    with pytest.raises(SpecError, match="UTF-8"):
        ml.AnalysisPlan.from_toml(tmp_path / "latin.toml")
    with pytest.raises(SpecError, match="cannot be read|There is no plan"):
        ml.AnalysisPlan.from_toml("x" * 5000)
    with pytest.raises(SpecError, match="path or from text"):
        ml.AnalysisPlan.from_toml(3)
    with pytest.raises(SpecError, match="cannot be written"):
        _plan().to_toml(tmp_path / "none" / "plan.toml")
