"""Random slopes as a report: `make report` writes build/reports/sleepstudy.html."""

from pathlib import Path

import msclong as ml

ROOT = Path(__file__).resolve().parents[2]

spec = ml.ModelSpec(
    "Reaction ~ Days + (1 + Days | Subject)",
    time="Days",
    label="Reaction time",
    unit="ms",
)


def main() -> None:
    data = ml.datasets.sleepstudy()
    fits = [ml.fit(spec, data, engine) for engine in (ml.Frequentist(), ml.Bayesian(seed=20030301))]
    report = ml.report(fits, title="Sleep restriction: reaction time over ten days")
    path = report.to_html(ROOT / "build" / "reports" / "sleepstudy.html")
    for fit in fits:
        print(f"\n{type(fit.engine).__name__}: slope a day")
        print(fit.coefficients().loc[["Days"]].round(3).to_string())
    print(f"\n{path}")


if __name__ == "__main__":
    main()
