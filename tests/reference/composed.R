# Covariances that are sums, nested, by group or weighted, on the public data of nlme and lme4.
# Rscript composed.R > composed.json
suppressMessages({library(nlme); library(lme4); library(jsonlite)})

orthodont <- as.data.frame(nlme::Orthodont)
orthodont$Subject <- factor(as.character(orthodont$Subject))
orthodont$site <- factor(as.integer(orthodont$Subject) %% 7)
orthodont$weight <- 1 + (orthodont$age %% 3)
control <- lmeControl(msMaxIter = 2000, maxIter = 500, niterEM = 200, tolerance = 1e-10, msTol = 1e-12,
                      opt = "optim", optimMethod = "BFGS")

fits <- list()
keep <- function(name, formula, fit, sd = NULL) {
  beta <- fixef(fit)
  fits[[name]] <<- list(formula = formula, program = if (inherits(fit, "lme")) "nlme::lme" else "lme4::lmer",
                        logLik = as.numeric(logLik(fit)), coef_names = names(beta), beta = unname(beta),
                        se = unname(sqrt(diag(as.matrix(vcov(fit))))))
}
mean <- distance ~ age * Sex
lme_fit <- function(...) lme(mean, data = orthodont, method = "REML", control = control, ...)
keep("intercept_ar1", "(1 | Subject) + ar1(age | Subject)",
     lme_fit(random = ~ 1 | Subject, correlation = corAR1(form = ~ 1 | Subject)))
keep("intercept_exp", "(1 | Subject) + sp_exp(age | Subject)",
     lme_fit(random = ~ 1 | Subject, correlation = corExp(form = ~ age | Subject)))
keep("intercept_diag", "(1 | Subject) + diag(age | Subject)",
     lme_fit(random = ~ 1 | Subject, weights = varIdent(form = ~ 1 | age)))
keep("slope_residual_by_sex", "(age | Subject) + homdiag(age | Sex / Subject)",
     lme_fit(random = ~ age | Subject, weights = varIdent(form = ~ 1 | Sex)))
keep("nested", "(1 | site / Subject)", lme_fit(random = ~ 1 | site / Subject))
keep("nested_slopes", "(1 | site) + (age | Subject)", lme_fit(random = list(site = ~ 1, Subject = ~ age)))
keep("site_ar1h", "(1 | site) + ar1h(age | Subject)",
     lme_fit(random = ~ 1 | site, correlation = corAR1(form = ~ 1 | site / Subject),
             weights = varIdent(form = ~ 1 | age)))
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5))
keep("weighted_intercept", "(1 | Subject)",
     lmer(distance ~ age * Sex + (1 | Subject), orthodont, weights = weight, control = tight))
keep("weighted_slope", "(age || Subject)",
     lmer(distance ~ age * Sex + (age || Subject), orthodont, weights = weight, control = tight))
versions <- list(R = R.version.string, nlme = as.character(packageVersion("nlme")),
                 lme4 = as.character(packageVersion("lme4")))
source <- list(programs = versions, script = "composed.R", method = "REML", fixed = "age * Sex",
               data = "orthodont.json; site = 0..6 by subject in the order of sorted names, weight = 1 + age mod 3",
               weighted = c("weighted_intercept", "weighted_slope"))
columns <- list(Subject = as.character(orthodont$Subject), age = orthodont$age, Sex = as.character(orthodont$Sex),
                distance = orthodont$distance, site = as.character(orthodont$site), weight = orthodont$weight)
cat(toJSON(list(source = source, data = columns, fits = fits), auto_unbox = TRUE, digits = NA, pretty = TRUE))
