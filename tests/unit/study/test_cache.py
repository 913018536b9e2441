"""The cache makes only what changed, and never serves what is not the same."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

import msclong as ml
from msclong.errors import DataError
from msclong.study.cache import content_hash
from msclong.study.jobs import Job
from msclong.study.outcome_table import OutcomeTable

from .conftest import DEFAULTS

OUTCOMES = {"score": {"margin": -1}, "mood": {}}


def _made(study: ml.Study, folder, engines=None) -> tuple[set[str], ml.StudyFit]:
    """The outcomes that were fitted anew, and the fits."""
    found = study.fit(engines, n_jobs=1, cache=folder)
    seconds = found.seconds()
    return set(seconds.index[~seconds["cached"]].get_level_values("outcome")), found


def test_a_second_run_makes_only_what_changed(trial, tmp_path):
    engines = [ml.Frequentist(), ml.Bayesian(seed=1)]
    made, first = _made(ml.Study(trial, OUTCOMES, DEFAULTS), tmp_path, engines)
    assert made == {"score", "mood"}
    made, second = _made(ml.Study(trial, OUTCOMES, DEFAULTS), tmp_path, engines)
    assert made == set()
    for engine in first.engines:
        pd.testing.assert_frame_equal(second.contrasts(engine), first.contrasts(engine))
    assert _made(ml.Study(trial, OUTCOMES | {"score": {"margin": -2}}, DEFAULTS), tmp_path)[0] == {"score"}
    changed = trial.assign(mood=trial["mood"].where(trial.index != 5, 0.25))
    assert _made(ml.Study(changed, OUTCOMES, DEFAULTS), tmp_path)[0] == {"mood"}
    assert _made(ml.Study(trial.assign(other=1), OUTCOMES, DEFAULTS), tmp_path)[0] == set(), "not read by any"
    assert _made(ml.Study(trial, OUTCOMES, DEFAULTS), tmp_path, ml.Bayesian(seed=2))[0] == {"score", "mood"}


def test_a_damaged_file_is_made_anew(trial, tmp_path):
    study = ml.Study(trial, {"score": {}}, DEFAULTS)
    _made(study, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert _made(study, tmp_path)[0] == {"score"}
    assert _made(study, tmp_path)[0] == set()


def test_a_folder_that_cannot_be_made_is_an_error(trial, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is no folder"):
        ml.Study(trial, {"score": {}}, DEFAULTS).fit(n_jobs=1, cache=tmp_path / "file" / "cache")


def _job(frame: pd.DataFrame, **fields) -> Job:
    endpoint = ml.Endpoint("score ~ C(month) + us(month | patient)")
    given = {
        "endpoint": endpoint,
        "within": "mvt",
        "spec": endpoint.spec,
        "engine": ml.Frequentist(),
    } | fields
    return Job(outcome="score", engine_name="x", table=OutcomeTable(frame, ()), **given)


def test_the_hash_tells_apart_all_that_a_fit_depends_on(trial):
    frame = trial[["patient", "month", "score"]]
    endpoint = _job(frame).endpoint
    graded = frame.assign(month=pd.Categorical(frame["month"]))
    jobs = {
        "as it is": _job(frame),
        "a value": _job(frame.assign(score=frame["score"].where(frame.index != 3, 1.0))),
        "a type": _job(frame.assign(patient=frame["patient"].astype(str))),
        "categories": _job(graded),
        "the order of categories": _job(
            graded.assign(month=graded["month"].cat.reorder_categories([6, 3, 1, 0]))
        ),
        "a column's name": _job(frame.rename(columns={"score": "pain"})),
        "row labels": _job(frame.set_axis(frame.index + 1)),
        "the engine": _job(frame, engine=ml.Frequentist(ddf="satterthwaite")),
        "the spec": _job(frame, spec=endpoint.spec.replace(baseline=1)),
        "what is tested": _job(frame, endpoint=endpoint.replace(tested=(6,))),
        "the test": _job(frame, endpoint=endpoint.replace(test="less")),
        "types within a column": _job(frame.assign(patient=_mixed(frame, str))),
        "the same as numbers": _job(frame.assign(patient=_mixed(frame, int))),
        "graded": _job(graded.assign(month=graded["month"].cat.as_ordered())),
        "an approximation": _job(frame, approximated=True),
        "how it is adjusted": _job(frame, within="holm"),
        "what its table says of itself": _job(_stamped(frame)),
    }
    hashes = {name: content_hash(job) for name, job in jobs.items()}
    assert len(set(hashes.values())) == len(jobs), hashes
    jobs["an arm that is gone"] = replace(
        jobs["as it is"], table=OutcomeTable(frame, (), {"arm": ("a",)}), first_visits={}
    )
    jobs["the study's first visit"] = replace(jobs["as it is"], first_visits={"month": 0})
    assert len({content_hash(job) for job in jobs.values()}) == len(jobs)
    assert content_hash(_job(frame.copy())) == hashes["as it is"]
    assert content_hash(_job(frame, structures=(object,))) is None, "its code is not in the spec"
    assert content_hash(_job(frame, engine=_Own())) is None, "nor is that of an engine"


def _mixed(frame: pd.DataFrame, kind: type) -> pd.Series:
    """Patients 0 and 1 as text or as numbers, in a column of objects."""
    return (
        frame["patient"]
        .astype(object)
        .map(lambda patient: kind(patient) if patient < 2 else patient)
        .astype(object)
    )


class _Own(ml.Frequentist):
    pass


_Own.__module__ = "somewhere"


def _stamped(frame: pd.DataFrame) -> pd.DataFrame:
    stamped = frame.copy()
    stamped.attrs["synthetic"] = "Synthetic."
    return stamped
