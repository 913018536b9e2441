"""The examples of docs/how-to/data.md run, and its table of rules is the registry."""

from __future__ import annotations

import re
from pathlib import Path

from msclong.data.bds import RULES

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "data.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_the_examples_run():
    names: dict = {}
    text = section("Wide tables") + section("CDISC ADaM data sets")
    *blocks, last = re.findall(r"```{code-cell} ipython3\n(.*?)```", text, re.DOTALL)
    for block in blocks:
        exec(block, names)
    assert len(names["fit"].contrasts()) > 0
    assert names["bds"].violations.empty
    exec(last.replace("ml.check_bds", "violations = ml.check_bds", 1), names)
    assert names["violations"].iloc[:, :2].to_numpy().tolist() == [["change", (3,)]]


def test_the_table_of_rules_is_the_registry():
    rows = re.findall(
        r"^\| `(\w+)` \| (.*) \| (error|notice) \|$", section("CDISC ADaM data sets"), re.MULTILINE
    )
    assert rows == [(name, rule.words.rstrip("."), rule.severity) for name, rule in RULES.items()]
