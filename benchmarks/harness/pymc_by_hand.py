"""The best marginal PyMC models that their author could write for two data sets: the peers of Bayesian().

Random effects and coefficients are integrated out by hand: for sleepstudy down to 2 x 2 matrices in closed form, for
HAMD17 by one triangular inverse for all who dropped out, their cross-products summed.
"""

from __future__ import annotations

import numpy as np


def compiled(trial: str):
    """(nutpie's compiled model, answers from its draws) of 'sleepstudy' or 'hamd17'."""
    import nutpie
    import pymc as pm
    import pytensor.tensor as pt

    model, answers = {"sleepstudy": sleepstudy_by_hand, "hamd17": hamd17_by_hand}[trial](pm, pt)
    return nutpie.compile_pymc_model(model), answers


def sampled(model, answers) -> dict[str, float]:
    """Four chains of a thousand draws: the first contrast's mean and SD, the least effective sample size of all."""
    import nutpie
    from arviz_stats.base.array import array_stats

    trace = nutpie.sample(model, draws=1000, tune=1000, chains=4, seed=1, progress_bar=False)
    quantities = answers({name: values.to_numpy() for name, values in trace.posterior.items()})
    ess = array_stats.ess(np.moveaxis(quantities, 2, 0), chain_axis=1, draw_axis=2, method="bulk")
    contrast = quantities[..., 0]
    return {"ess": float(ess.min()), "estimate": float(contrast.mean()), "se": float(contrast.std())}


def sleepstudy_by_hand(pm, pt):
    """Balanced: least-squares lines b_i ~ Normal(beta, S), S = G + sigma^2 (X'X)^-1; their residual sum of squares.

    About the mean day, where the priors are, X'X is diagonal, and so is the prior of beta.
    """
    import msclong as ml

    table = ml.datasets.sleepstudy()
    y = table["Reaction"].to_numpy().reshape(18, 10)
    X = np.column_stack([np.ones(10), np.arange(10.0) - 4.5])
    inverse = np.linalg.inv(X.T @ X)
    lines = y @ X @ inverse
    rss, n = ((y - lines @ X.T) ** 2).sum(), 18
    mean = lines.mean(axis=0)
    between = (lines - mean).T @ (lines - mean)
    s, spread = table["Reaction"].std(), np.arange(10.0).std()
    # Prior of (mean at the mean day, slope): Normal, as in ml.Priors.
    centre = np.array([y.mean(), 0.0])
    B = np.diag([10 * s, 2.5 * s / spread]) ** 2

    with pm.Model() as model:
        intercept = pm.HalfStudentT("intercept", nu=3, sigma=s)
        slope = pm.HalfStudentT("slope", nu=3, sigma=s / spread)
        sigma = pm.HalfStudentT("sigma", nu=3, sigma=s)
        rho = 2 * pm.Beta("rho01", 2, 2) - 1
        a = intercept**2 + sigma**2 * inverse[0, 0]
        b = rho * intercept * slope
        c = slope**2 + sigma**2 * inverse[1, 1]

        def normal(a, b, c, x, weight, count):
            """-1/2 (count log|S| + tr S^-1 x), for S = [a b; b c]."""
            det = a * c - b**2
            return -0.5 * (count * pt.log(det) + weight * (c * x[0, 0] - 2 * b * x[0, 1] + a * x[1, 1]) / det)

        away = np.outer(mean - centre, mean - centre)
        pm.Potential("lines", normal(a, b, c, between, 1.0, n - 1))
        pm.Potential("mean line", normal(a / n + B[0, 0], b / n, c / n + B[1, 1], away, 1.0, 1.0))
        pm.Potential("residual", -n * 8 * pt.log(sigma) - rss / (2 * sigma**2))

    def answers(draws):
        rho = 2 * draws["rho01"] - 1
        G = np.empty((*rho.shape, 2, 2))
        G[..., 0, 0], G[..., 1, 1] = draws["intercept"] ** 2, draws["slope"] ** 2
        G[..., 0, 1] = G[..., 1, 0] = rho * draws["intercept"] * draws["slope"]
        S = G + draws["sigma"][..., None, None] ** 2 * inverse
        precision = n * np.linalg.inv(S) + np.linalg.inv(B)
        root = np.linalg.cholesky(np.linalg.inv(precision))
        m = np.linalg.solve(
            precision, (n * np.linalg.solve(S, mean[:, None]) + np.linalg.solve(B, centre)[:, None])
        )
        z = np.random.default_rng(1).standard_normal((*rho.shape, 2, 1))
        slope = (m + root @ z)[..., 1, :]
        # Of the intercept at day 0, as ours is.
        at_zero = G[..., 0, 0] - 9 * G[..., 0, 1] + 4.5**2 * G[..., 1, 1]
        variances = [at_zero, G[..., 1, 1], draws["sigma"] ** 2]
        return np.concatenate([9 * slope, np.stack(variances, axis=-1)], axis=-1)

    return model, answers


def hamd17_by_hand(pm, pt):
    """Sigma = L L' and W = L^-1: of patients seen at their first m visits, M = W[:m]'W[:m] needs no other factor."""
    import pandas as pd
    from pytensor.tensor.linalg import solve_triangular

    import msclong as ml
    from msclong.engines.bayesian.priors.partial_correlations import factor_from_partials

    table = ml.datasets.hamd17()
    weeks = list(table["week"].cat.categories)
    T = len(weeks)
    treated = (table["TRT"] == "2").to_numpy(dtype=float)
    at = np.array([weeks.index(week) for week in table["week"]])
    dummies = np.eye(T)[at]
    X = np.column_stack([dummies, treated[:, None] * dummies, table["basval"].to_numpy()])
    y, p = table["change"].to_numpy(), X.shape[1]
    s = y.std(ddof=1)
    # ml.Priors are on treatment coding: K of them, in terms of these columns.
    coded = np.column_stack(
        [np.ones(len(y)), treated, dummies[:, 1:], treated[:, None] * dummies[:, 1:], table["basval"]]
    )
    into = np.linalg.lstsq(X, coded, rcond=None)[0]  # X @ into = coded
    K = np.eye(p)
    K[0] = coded.mean(axis=0)
    spread = coded.std(axis=0)
    sd = np.r_[10 * s, 2.5 * s / spread[1:]]
    location = np.zeros(p)
    location[0] = y.mean()
    prior_rows = np.column_stack([K @ np.linalg.inv(into), location]) / sd[:, None]

    lower = np.tril_indices(p + 1)
    W_rows = np.column_stack([X, y])
    whole = np.zeros(
        (T, T, T, len(lower[0]))
    )  # D_k[i, j]: patients with more than k visits, by dropout alone
    counts = np.zeros(T)
    others: dict[tuple[int, ...], list[np.ndarray]] = {}
    for _, rows in pd.Series(range(len(y))).groupby(table["PATIENT"].to_numpy()):
        index = rows.to_numpy()[np.argsort(at[rows])]
        seen, w = tuple(at[index]), W_rows[index]
        if seen == tuple(range(len(seen))):
            products = np.einsum("ia,jb->ijab", w, w)
            products = (products + products.swapaxes(2, 3))[..., lower[0], lower[1]] / 2
            for k in range(len(seen)):
                whole[k, : len(seen), : len(seen)] += products
                counts[k] += 1
        else:
            others.setdefault(seen, []).append(w)
    flat = whole.reshape(T**3, -1)
    odd = []
    for seen, patients in others.items():
        w = np.stack(patients)
        products = np.einsum("nia,njb->ijab", w, w)
        products = ((products + products.swapaxes(2, 3)) / 2)[..., lower[0], lower[1]]
        odd.append((seen, products.reshape(len(seen) ** 2, -1), np.full(len(seen), float(len(w)))))
    prior = (prior_rows.T @ prior_rows)[lower]

    with pm.Model() as model:
        sds = pm.HalfStudentT("sds", nu=3, sigma=s, shape=T, initval=np.full(T, s))
        row, column = np.tril_indices(T, -1)
        partial = 2 * pm.Beta("partial01", *2 * [2 + (T - 2 - column) / 2], shape=len(row)) - 1
        L = factor_from_partials(sds, partial, T, pt)
        half, log_det = pt.constant(prior), 0.0
        for seen, products, count in [(tuple(range(T)), None, counts), *odd]:
            if products is None:
                root, W = L, solve_triangular(L, pt.eye(T), lower=True)
                half = half + pt.dot((W[:, :, None] * W[:, None, :]).reshape((-1,)), flat)
            else:
                rows = L[list(seen)]
                root = pt.linalg.cholesky(pt.dot(rows, rows.T))
                V = solve_triangular(root, pt.eye(len(seen)), lower=True)
                half = half + pt.dot(pt.dot(V.T, V).reshape((-1,)), products)
            log_det = log_det + (count * pt.log(pt.diagonal(root))).sum()
        gram = pt.zeros((p + 1, p + 1))
        gram = pt.set_subtensor(gram[lower], half)
        gram = pt.set_subtensor(gram[lower[1], lower[0]], half)
        D = pt.diagonal(pt.linalg.cholesky(gram))
        pm.Potential("likelihood", -log_det - pt.log(D[:-1]).sum() - D[-1] ** 2 / 2)

    def answers(draws):
        from msclong.api import long_data
        from msclong.contrasts.kinds import contrast_hypothesis
        from msclong.design.design import build_design
        from msclong.engines.bayesian.gaussian.coefficients import draw_coefficients
        from msclong.engines.bayesian.gaussian.gaussian_posterior import gaussian_posterior

        spec = ml.ModelSpec("change ~ basval + TRT * week + us(week | PATIENT)")
        design = build_design(spec, long_data(spec, table))
        posterior = gaussian_posterior(design)
        shape = draws["sds"].shape[:2]
        z = 2 * draws["partial01"] - 1
        pairs = zip(draws["sds"].reshape(-1, T), z.reshape(-1, len(row)), strict=True)
        root = np.stack([factor_from_partials(a, b, T, np) for a, b in pairs]).reshape(*shape, T, T)
        sigma = (root @ root.swapaxes(2, 3))[..., *np.tril_indices(T)].reshape(-1, T * (T + 1) // 2)
        unit = posterior.standardised.scale
        gamma = draw_coefficients(
            design.structure, sigma / unit**2, posterior.moments, np.random.default_rng(1)
        )
        beta = posterior.standardised.coefficients(gamma)
        contrasts = (beta @ contrast_hypothesis(design).L.T)[:, ::-1]
        variances = draws["sds"] ** 2
        return np.concatenate([contrasts.reshape(*shape, -1), variances], axis=-1)

    return model, answers
