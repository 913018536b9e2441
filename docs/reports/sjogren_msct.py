"""The founding study as a report: `make report` writes build/reports/sjogren_msct.html."""

from pathlib import Path

import msclong as ml
from msclong.published import audit

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def printed_comparisons(published):
    """One record for each p-value that the abstract prints."""
    records = []
    for name, outcome in published["outcomes"].items():
        visits = outcome.get("visits", [])
        baseline = next((v for v in visits if v.get("month", v.get("week")) == 0 and "mean" in v), None)
        for visit in visits or [outcome]:
            p = visit.get("p_vs_baseline", visit.get("p"))
            if p is None:
                continue
            unit = "month" if "month" in visit else "week"
            both = baseline is not None and "mean" in visit
            records.append(
                {
                    "outcome": name,
                    "visit": f"{unit} {visit[unit]}" if unit in visit else "",
                    "n": outcome.get("n"),
                    "pre": (baseline["mean"], baseline["sd"]) if both else None,
                    "post": (visit["mean"], visit["sd"]) if both else None,
                    "p": p,
                    "integer": name == "ssdai",
                }
            )
    return records


def main() -> None:
    data = ml.datasets.sjogren_msct(seed=1)
    plan = ml.AnalysisPlan.from_toml(HERE / "sjogren_msct.toml")
    found = ml.Study(data, plan).fit()
    report = ml.report(found, published=audit(printed_comparisons(data.attrs["published"])))
    path = report.to_html(ROOT / "build" / "reports" / "sjogren_msct.html")
    print(found.synthetic)
    for engine in found.engines:
        table = found.contrasts(engine).loc["ssdai"]
        print(f"\n{engine}: {plan.endpoints['ssdai'].name}")
        columns = ("estimate", "lower", "upper", "df", "p_adjusted", "prob_improved", "prob_beyond_margin")
        print(table[[name for name in columns if name in table]].round(4).to_string())
    print(f"\n{path}")


if __name__ == "__main__":
    main()
