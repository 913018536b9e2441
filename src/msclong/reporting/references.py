"""The literature that a report may cite, and sentences that cite it."""

from __future__ import annotations

from dataclasses import dataclass

REFERENCES = {
    "bell": "Bell RM, McCaffrey DF. Bias reduction in standard errors for linear regression with multi-stage samples. "
    "Survey Methodology 2002;28:169–181.",
    "benjamini": "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to "
    "multiple testing. J R Stat Soc B 1995;57:289–300.",
    "bretz": "Bretz F, Maurer W, Brannath W, Posch M. A graphical approach to sequentially rejective multiple test "
    "procedures. Stat Med 2009;28:586–604.",
    "carpenter": "Carpenter JR, Roger JH, Kenward MG. Analysis of longitudinal trials with protocol deviation: "
    "a framework "
    "for relevant, accessible assumptions, and inference via multiple imputation. J Biopharm Stat 2013;23:1352–1371.",
    "clopper": "Clopper CJ, Pearson ES. The use of confidence or fiducial limits illustrated in the case of the "
    "binomial. Biometrika 1934;26:404–413.",
    "cook": "Cook RD. Detection of influential observation in linear regression. Technometrics 1977;19:15–18.",
    "cro": "Cro S, Carpenter JR, Kenward MG. Information-anchored sensitivity analysis: theory and application. "
    "J R Stat "
    "Soc A 2019;182:623–645.",
    "diggle": "Diggle PJ. An approach to the analysis of repeated measurements. Biometrics 1988;44:959–971.",
    "dunn": "Dunn PK, Smyth GK. Randomized quantile residuals. J Comput Graph Stat 1996;5:236–244.",
    "gabriel": "Gabriel KR. Ante-dependence analysis of an ordered set of variables. Ann Math Stat 1962;33:201–212.",
    "geisser": "Geisser S, Cornfield J. Posterior distributions for multivariate normal parameters. J R Stat Soc "
    "B 1963;25:368–376.",
    "gelman": "Gelman A. Prior distributions for variance parameters in hierarchical models. Bayesian "
    "Analysis 2006;1:515–534.",
    "genz": "Genz A. Numerical computation of multivariate normal probabilities. J Comput Graph Stat 1992;1:141–149.",
    "hochberg": "Hochberg Y. A sharper Bonferroni procedure for multiple tests of significance. Biometrika "
    "1988;75:800–802.",
    "hoffman": "Hoffman MD, Gelman A. The No-U-Turn sampler: adaptively setting path lengths in Hamiltonian "
    "Monte Carlo. J Mach Learn Res 2014;15:1593–1623.",
    "holm": "Holm S. A simple sequentially rejective multiple test procedure. Scand J Stat 1979;6:65–70.",
    "hothorn": "Hothorn T, Bretz F, Westfall P. Simultaneous inference in general parametric models. Biom J "
    "2008;50:346–363.",
    "ich": "ICH E9(R1). Addendum on estimands and sensitivity analysis in clinical trials. International Council for "
    "Harmonisation, 2019.",
    "jennrich": "Jennrich RI, Schluchter MD. Unbalanced repeated-measures models with structured covariance matrices. "
    "Biometrics 1986;42:805–820.",
    "kallioinen": "Kallioinen N, Paananen T, Bürkner P-C, Vehtari A. Detecting and diagnosing prior and likelihood "
    "sensitivity with power-scaling. Stat Comput 2024;34:57.",
    "kenward": "Kenward MG, Roger JH. Small sample inference for fixed effects from restricted maximum "
    "likelihood. Biometrics 1997;53:983–997.",
    "laird": "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 1982;38:963–974.",
    "lewandowski": "Lewandowski D, Kurowicka D, Joe H. Generating random correlation matrices based on vines "
    "and extended onion method. J Multivar Anal 2009;100:1989–2001.",
    "liang": "Liang K-Y, Zeger SL. Longitudinal data analysis using generalized linear models. Biometrika "
    "1986;73:13–22.",
    "liang-prepost": "Liang K-Y, Zeger SL. Longitudinal data analysis of continuous and discrete responses for "
    "pre-post designs. Sankhyā B 2000;62:134–148.",
    "mancl": "Mancl LA, DeRouen TA. A covariance estimator for GEE with improved small-sample properties. Biometrics "
    "2001;57:126–134.",
    "maurer": "Maurer W, Hothorn LA, Lehmacher W. Multiple comparisons in drug clinical trials and preclinical assays: "
    "a-priori ordered hypotheses. In: Vollmar J, ed. Biometrie in der chemisch-pharmazeutischen Industrie 6. "
    "Stuttgart: Fischer, 1995:3–18.",
    "mee": "Mee RW, Chua TC. Regression toward the mean and the paired sample t test. Am Stat 1991;45:39–42.",
    "patterson": "Patterson HD, Thompson R. Recovery of inter-block information when block sizes are "
    "unequal. Biometrika 1971;58:545–554.",
    "pustejovsky": "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance estimation and "
    "hypothesis testing in fixed effects models. J Bus Econ Stat 2018;36:672–683.",
    "pinheiro": "Pinheiro JC, Bates DM. Approximations to the log-likelihood function in the nonlinear mixed-effects "
    "model. J Comput Graph Stat 1995;4:12–35.",
    "psis": "Vehtari A, Simpson D, Gelman A, Yao Y, Gabry J. Pareto smoothed importance sampling. J Mach Learn Res "
    "2024;25(72):1–58.",
    "pymc": "Abril-Pla O, Andreani V, Carroll C, et al. PyMC: a modern, and comprehensive probabilistic "
    "programming framework in Python. PeerJ Comput Sci 2023;9:e1516.",
    "satterthwaite": "Fai AH-T, Cornelius PL. Approximate F-tests of multiple degree of freedom hypotheses "
    "in generalized least squares analyses of unbalanced split-plot experiments. J Stat Comput Simul "
    "1996;54:363–378.",
    "schluchter": "Schluchter MD, Elashoff JT. Small-sample adjustments to tests with unbalanced repeated measures "
    "assuming several covariance structures. J Stat Comput Simul 1990;37:69–87.",
    "seabold": "Seabold S, Perktold J. statsmodels: econometric and statistical modeling with Python. Proc "
    "9th Python in Science Conf 2010.",
    "skene": "Skene SS, Kenward MG. The analysis of very small samples of repeated measurements II: a modified Box "
    "correction. Stat Med 2010;29:2838–2856.",
    "vehtari": "Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner P-C. Rank-normalization, folding, and "
    "localization: an improved R\N{COMBINING CIRCUMFLEX ACCENT} for assessing convergence of MCMC. Bayesian "
    "Analysis 2021;16:667–718.",
    "wolbers": "Wolbers M, Noci A, Delmar P, Gower-Page C, Yiu S, Bartlett JW. Standard and reference-based "
    "conditional "
    "mean imputation. Pharm Stat 2022;21:1246–1257.",
    "wolfinger": "Wolfinger RD. Heterogeneous variance: covariance structures for repeated measures. J Agric Biol "
    "Environ Stat 1996;1:205–230.",
    "tran": "Tran M-N, Scharth M, Gunawan D, Kohn R, Brown SD, Hawkins GE. Robustly estimating the marginal likelihood "
    "for cognitive models via importance sampling. Behav Res Methods 2021;53:1148–1165.",
    "yan": "Yan X, Lee S, Li N. Missing data handling methods in medical device clinical trials. J Biopharm Stat "
    "2009;19:1085–1098.",
}
"""By key, in alphabetical order of the keys."""


Sourced = tuple[str, tuple[str, ...]]
"""Words, and the keys of REFERENCES that they cite."""


@dataclass(frozen=True)
class Description:
    """A method in sentences. cites : keys of REFERENCES."""

    text: str
    cites: tuple[str, ...] = ()
