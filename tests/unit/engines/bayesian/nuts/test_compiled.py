"""The store of compiled models, with a stand-in for nutpie: nothing is compiled or sampled."""

from collections import OrderedDict
from types import SimpleNamespace

import numpy as np
import pytest

from msclong.engines.bayesian.nuts import compiled
from msclong.errors import ConvergenceError

SETTINGS = {"draws": 10, "tune": 20, "chains": 2, "seed": 1, "target_accept": 0.9}


@pytest.fixture
def built(monkeypatch):
    """The models that were compiled, in order."""
    models = []

    def compile_model(model):
        models.append(model)
        return SimpleNamespace(with_data=lambda **data: (model, data))

    monkeypatch.setattr(compiled.nutpie, "compile_pymc_model", compile_model)
    monkeypatch.setattr(compiled, "_compiled", OrderedDict())
    return models


def test_one_shape_is_compiled_once(built):
    compiled.compiled_model(("shape",), lambda: "first", {"data": np.zeros(3)})
    model, data = compiled.compiled_model(("shape",), lambda: "second", {"data": np.ones(5)})
    assert built == ["first"]
    assert model == "first"
    np.testing.assert_array_equal(data["data"], np.ones(5))


def test_the_least_recently_used_goes_first(built):
    for shape in range(compiled.MOST_COMPILED):
        compiled.compiled_model((shape,), lambda shape=shape: shape, {})
    compiled.compiled_model((0,), lambda: "again", {})
    compiled.compiled_model(("new",), lambda: "new", {})
    compiled.compiled_model((0,), lambda: "again", {})
    compiled.compiled_model((1,), lambda: "gone", {})
    assert built == [*range(compiled.MOST_COMPILED), "new", "gone"]


def test_progress_says_whether_it_compiles_or_samples(built, monkeypatch, capsys):
    monkeypatch.setattr(compiled.nutpie, "sample", lambda model, **settings: settings["progress_bar"])
    for shown in (False, True):
        model = compiled.compiled_model((shown,), lambda: "model", {}, progress=shown)
        assert compiled.sample(model, **SETTINGS, progress=shown) is shown
        printed = capsys.readouterr()
        assert printed.out == ""
        lines = printed.err.splitlines()
        if shown:
            assert lines[0].startswith("Compiling the model, once for models of this shape ... ")
            assert lines[0].endswith(" s")
            assert lines[1] == "Sampling 2 chains of 20 + 10 steps"
        else:
            assert lines == []


def test_a_sampler_that_fails_says_what_to_do(monkeypatch):
    def fail(*args, **settings):
        raise RuntimeError("all initial points are bad")

    monkeypatch.setattr(compiled.nutpie, "sample", fail)
    with pytest.raises(ConvergenceError, match="all initial points are bad.*tighter Priors"):
        compiled.sample(None, **SETTINGS, progress=False)
