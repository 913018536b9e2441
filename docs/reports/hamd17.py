"""The example trial as a report: `make report` writes build/reports/hamd17.html."""

from pathlib import Path

import msclong as ml

ROOT = Path(__file__).resolve().parents[2]

spec = ml.ModelSpec(
    "change ~ basval * week + TRT * week + POOLINV + us(week | PATIENT)",
    outcome_type="change",
    arm="TRT",
    label="Change in HAMD-17 total score",
    unit="points",
)


def main() -> None:
    data = ml.datasets.hamd17()
    fits = [ml.fit(spec, data, engine) for engine in (ml.Frequentist(), ml.Bayesian(seed=20250102))]
    report = ml.report(fits, title="Antidepressant trial: change in HAMD-17 over eight weeks")
    path = report.to_html(ROOT / "build" / "reports" / "hamd17.html")
    for fit in fits:
        print(f"\n{type(fit.engine).__name__}: week 8")
        print(fit.contrasts().xs("8", level="week").round(3).to_string())
    print(f"\n{path}")


if __name__ == "__main__":
    main()
