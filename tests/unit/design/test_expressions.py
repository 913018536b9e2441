"""What a factor of a formula reads."""

from __future__ import annotations

import pytest

from msclong.design.expressions import columns_in, of_other_rows

COLUMNS = ("x", "y", "x y", "Sum")


@pytest.mark.parametrize(
    "expression",
    [
        "x", "Q('x y')", "np.log(x) + 1", "I(x ** 2)", "C(x, Poly)", "C(x, levels=[3, 1])", "C(np.round(x))",
        "np.where(x > 1, x, 0)", "np.pi * x", "x * -1", "abs(x - y)", "np.isin(x, [1, 2])", "np.round(x, 1)",
        "np.clip(x, 0, y)", "np.maximum(x, y)", "-x / 2 ** 3", "C(x, Treatment(reference='a'))",
    ],
)  # fmt: skip
def test_a_row_at_a_time(expression: str) -> None:
    assert of_other_rows(expression, COLUMNS) is None


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        ("center(x)", "center"), ("1 + np.mean(x)", "np.mean"), ("np.cumsum(x)", "np.cumsum"),
        ("x.mean()", "x.mean"), ("x[0]", "x[0]"), ("np.add.reduce(x)", "np.add.reduce"), ("sum(x)", "sum"),
        ("np.matmul(x, x)", "np.matmul"), ("x @ y", "x @ y"), ("np.where(x > 1)", "np.where"), ("x.T", "x.T"),
        ("np.isin(x, y)", "np.isin"), ("x * (7 in x)", "7 in x"), ("x * (x is y)", "x is y"),
        ("C(x, Sum)", "Sum"), ("C(x, levels=y)", "y"), ("np.log(x, where=y)", "np.log"), ("I(1 + 2)", "I(1 + 2)"),
        ("[x]", "[x]"), ("np.modf(x)", "np.modf"), ("unknown", "unknown"),
    ],
)  # fmt: skip
def test_what_may_read_other_rows_is_told(expression: str, part: str) -> None:
    """Sum is a column of this table, which hides patsy's coding."""
    assert of_other_rows(expression, COLUMNS) == part


def test_columns_by_name_and_quoted() -> None:
    assert columns_in("np.log(y) * Q('x y') + x - y", COLUMNS) == ["y", "x", "x y"]
