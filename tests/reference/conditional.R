# Makes conditional.json: models with a random intercept whose likelihood R computes by adaptive Gauss-Hermite quadrature.
# R 4.2.2, lme4 1.1-31, ordinal 2022.11-16, HSAUR3 1.0-13 (toenail), MASS 7.3-58 (epil). Rscript conditional.R
suppressMessages({library(lme4); library(ordinal); library(jsonlite)})
data(toenail, package = "HSAUR3"); data(epil, package = "MASS"); data(wine, package = "ordinal")
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 2e-4, rhoend = 1e-8, maxfun = 1e5))
tight <- function(formula, data, family, nodes) {
  first <- glmer(formula, data, family, nAGQ = nodes)
  update(first, start = list(theta = getME(first, "theta"), fixef = fixef(first)), control = control)
}
# glmer's likelihood of counts for nAGQ > 1 leaves out that of the saturated model.
saturated <- function(fit) if (family(fit)$family == "poisson") sum(dpois(getME(fit, "y"), getME(fit, "y"), log = TRUE)) else 0
glmer_figures <- function(fit, nodes) list(
  nodes = nodes, beta = as.list(fixef(fit)), se = as.list(sqrt(diag(as.matrix(vcov(fit))))),
  sd = unname(getME(fit, "theta")), loglik = as.numeric(logLik(fit)) + saturated(fit))
clmm_figures <- function(link) {
  fit <- clmm(rating ~ temp + contact + (1 | judge), data = wine, link = link, nAGQ = 25,
              control = clmm.control(gradTol = 1e-8))
  list(nodes = 25, cutpoints = unname(fit$Theta[1, ]), beta = as.list(fit$beta), se = as.list(sqrt(diag(vcov(fit)))),
       sd = unname(fit$ST[[1]][1, 1]), loglik = as.numeric(fit$logLik))
}
toenail <- transform(toenail, y = as.integer(outcome == levels(outcome)[2]), id = as.integer(patientID))
epil$lbase <- log(epil$base / 4); epil$lage <- log(epil$age)
out <- list(
  source = list(programs = c(R.version.string, sapply(c("lme4", "ordinal", "HSAUR3", "MASS"), function(p) paste(p, packageVersion(p)))),
    notes = "likelihoods by adaptive Gauss-Hermite quadrature with `nodes` nodes, optima to a tight tolerance"),
  toenail = list(
    data = list(id = toenail$id, treatment = as.character(toenail$treatment), time = toenail$time, visit = toenail$visit, y = toenail$y),
    formula = "y ~ treatment * time + (1 | id)",
    fit = glmer_figures(tight(y ~ treatment * time + (1 | id), toenail, binomial, 100), 100)),
  epil = list(
    data = list(subject = epil$subject, trt = as.character(epil$trt), lbase = epil$lbase, lage = epil$lage, V4 = epil$V4, y = epil$y),
    formula = "y ~ lbase * trt + lage + V4 + (1 | subject)",
    fit = glmer_figures(tight(y ~ lbase * trt + lage + V4 + (1 | subject), epil, poisson, 25), 25)),
  wine = list(
    data = list(judge = as.integer(wine$judge), temp = as.character(wine$temp), contact = as.character(wine$contact),
                y = as.integer(wine$rating)),
    formula = "y ~ temp + contact + (1 | judge)",
    logit = clmm_figures("logit"), probit = clmm_figures("probit")))
write(toJSON(out, digits = NA, auto_unbox = TRUE), "conditional.json")
