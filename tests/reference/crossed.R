# Crossed random effects: the ratings of 46 students in lme4's InstEval, with lmerTest's and pbkrtest's df.
# Rscript crossed.R > crossed.json
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite)})
data(InstEval, package = "lme4")
ratings <- droplevels(subset(InstEval, as.integer(as.character(s)) %in% 1000:1045))
ratings$age <- as.integer(as.character(ratings$studage)) - 4
ratings$weight <- 1 + as.integer(as.character(ratings$lectage)) %% 3
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 1e-3, rhoend = 1e-12, maxfun = 1e5),
                     check.conv.singular = "ignore", check.conv.grad = "ignore")

ratings$visiting <- as.integer(ratings$service) - 1

fits <- list()
keep <- function(name, formula, weighted = FALSE, reml = TRUE) {
  given <- as.formula(paste("y ~ service + age +", formula))
  first <- if (weighted) lmer(given, ratings, weights = weight, REML = reml) else lmer(given, ratings, REML = reml)
  fit <- update(first, start = getME(first, "theta"), control = tight)
  fits[[name]] <<- list(formula = formula, method = if (reml) "REML" else "ML", weighted = weighted,
                        logLik = as.numeric(logLik(fit)), beta = unname(fixef(fit)),
                        sigma2 = sigma(fit)^2, singular = isSingular(fit),
                        G = lapply(VarCorr(fit), function(G) matrix(G, nrow(G))))
  for (ddf in c("Satterthwaite", if (reml && !weighted) "Kenward-Roger")) {
    table <- summary(fit, ddf = ddf)$coefficients
    fits[[name]][[ddf]] <<- list(se = unname(table[, "Std. Error"]), df = unname(table[, "df"]))
  }
}
keep("crossed", "(1 | s) + (1 | d)")
keep("crossed_ml", "(1 | s) + (1 | d)", reml = FALSE)
keep("three", "(1 | s) + (1 | d) + (1 | dept)")
keep("weighted", "(1 | s) + (1 | d)", weighted = TRUE)
keep("slopes", "(1 + visiting | s) + (1 | d)")
versions <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                 lmerTest = as.character(packageVersion("lmerTest")),
                 pbkrtest = as.character(packageVersion("pbkrtest")))
source <- list(programs = versions, script = "crossed.R", fixed = "service + age",
               data = "lme4::InstEval, students 1000 to 1045; age = studage - 4, weight = 1 + lectage mod 3, visiting = service")
columns <- list(s = as.character(ratings$s), d = as.character(ratings$d), dept = as.character(ratings$dept),
                service = as.character(ratings$service), age = ratings$age, weight = ratings$weight, visiting = ratings$visiting, y = ratings$y)
cat(toJSON(list(source = source, data = columns, fits = fits), auto_unbox = TRUE, digits = NA))
