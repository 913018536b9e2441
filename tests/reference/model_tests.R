# Figures of model_tests.json: `Rscript model_tests.R model_tests.json`, in this folder.
suppressMessages({library(lmerTest); library(pbkrtest); library(jsonlite); library(emmeans)})
set.seed(1)
n <- 60
d <- expand.grid(visit=1:3, id=1:n)
g <- data.frame(id=1:n, arm=sample(c("P","A","B"),n,TRUE,c(.5,.3,.2)), sex=sample(c("f","m"),n,TRUE,c(.6,.4)), x=round(rnorm(n),3))
d <- merge(d,g); d$visit <- factor(d$visit)
d <- d[runif(nrow(d))<.85,]
u <- rnorm(n)
d$y <- round(with(d, as.numeric(visit)*.3*(arm=="A")+ .4*x*(arm=="B") + .5*(sex=="m")+u[id]+rnorm(nrow(d))),3)
for (v in c("arm","sex","id")) d[[v]] <- factor(d[[v]])
three <- d
con <- lmerControl(optCtrl=list(ftol_abs=1e-14,xtol_abs=1e-12,ftol_rel=1e-15,maxeval=1e5))
tight <- function(f, d, REML=TRUE) {  # bobyqa stops early: again from where it stopped, then by Newton-like steps
  f <- as.formula(f); m <- lmer(f, d, REML=REML, control=con); dev <- as.function(m)
  p <- getME(m,"theta"); low <- getME(m,"lower")
  for (i in 1:5) { o <- nlminb(p, dev, lower=low, control=list(rel.tol=1e-15, x.tol=1e-12, eval.max=5000, iter.max=5000)); p <- o$par }
  lmer(f, d, REML=REML, start=p, control=lmerControl(optimizer="nloptwrap", optCtrl=list(maxeval=1)))
}
rd <- function(n) {j <- fromJSON(paste0("",n,".json"))$data; d <- as.data.frame(j$columns, stringsAsFactors=FALSE)
  for (f in names(j$factor_levels)) d[[f]] <- factor(d[[f]], levels=j$factor_levels[[f]]); names(d) <- gsub(".","_",names(d),fixed=TRUE); d}
sets <- list(three=three, sleepstudy=rd("sleepstudy"), orthodont=rd("orthodont"), btheb=rd("btheb"))
out <- list()
tab <- function(m, ty, dd) { a <- as.data.frame(anova(m, type=ty, ddf=dd)); list(term=rownames(a), num_df=a$NumDF, den_df=a$DenDF, statistic=a$`F value`, p_value=a$`Pr(>F)`) }
models <- list(
 list("three","y ~ arm*visit*sex + (1|id)"), list("three","y ~ arm*visit + arm*x + (1|id)"), list("three","y ~ x*arm*visit + (1|id)"), list("three", "y ~ visit + (1|id)"),
 list("sleepstudy","Reaction ~ Days + (1+Days|Subject)"), list("orthodont","distance ~ age*Sex + (1+age|Subject)"), list("orthodont","distance ~ ageF*Sex + (1|Subject)"),
 list("btheb","bdi ~ bdi_pre + drug + length + treatment*visit + (1|subject)"))
for (k in models) { d <- sets[[k[[1]]]]; m <- tight(k[[2]], d)
  r <- list(data=k[[1]], formula=k[[2]])
  for (ty in 2:3) for (dd in c("Satterthwaite","Kenward-Roger")) r[[paste0("type",ty)]][[tolower(dd)]] <- tab(m,ty,dd)
  if (k[[2]] %in% c("y ~ arm*visit*sex + (1|id)","distance ~ ageF*Sex + (1|Subject)")) { j <- as.data.frame(joint_tests(m, lmer.df="kenward-roger")); r$joint_tests <- list(term=gsub(" ","",j$`model term`), num_df=j$df1, den_df=j$df2, statistic=j$F.ratio) }
  out[[length(out)+1]] <- r }
lrt <- list()
cmp <- function(data,a,b,reml) { d <- sets[[data]]; x <- lmer(as.formula(a),d,REML=reml,control=con); y <- lmer(as.formula(b),d,REML=reml,control=con)
  t <- anova(x,y,refit=FALSE); list(data=data,smaller=a,larger=b,reml=reml,statistic=t$Chisq[2],df=t$Df[2],p_value=t$`Pr(>Chisq)`[2]) }
lrt <- list(cmp("sleepstudy","Reaction ~ Days + (1|Subject)","Reaction ~ Days + (1+Days|Subject)",TRUE),
 cmp("sleepstudy","Reaction ~ Days + (1|Subject)","Reaction ~ Days + (1+Days|Subject)",FALSE),
 cmp("sleepstudy","Reaction ~ Days + (1+Days||Subject)","Reaction ~ Days + (1+Days|Subject)",FALSE),
 cmp("sleepstudy","Reaction ~ 1 + (1+Days|Subject)","Reaction ~ Days + (1+Days|Subject)",FALSE),
 cmp("orthodont","distance ~ age + (1|Subject)","distance ~ age*Sex + (1|Subject)",FALSE),
 cmp("btheb","bdi ~ visit + (1|subject)","bdi ~ treatment*visit + (1|subject)",FALSE))
prof <- function(data,f) { d <- sets[[data]]; m <- lmer(as.formula(f),d,REML=FALSE,control=con); p <- profile(m,which="theta_",signames=FALSE,devtol=1e-9)
  r <- list(data=data, formula=f); for (l in c(.8,.95)) { ci <- confint(p,level=l); r[[paste0("level",l)]] <- list(name=rownames(ci),lower=ci[,1],upper=ci[,2]) }; r }
profiles <- list(prof("sleepstudy","Reaction ~ Days + (1+Days|Subject)"), prof("sleepstudy","Reaction ~ Days + (1+Days||Subject)"), prof("orthodont","distance ~ age + (1|Subject)"))
v <- function(p) as.character(packageVersion(p))
src <- list(programs=list(R=paste(R.version$major,R.version$minor,sep="."), lme4=v("lme4"), lmerTest=v("lmerTest"), pbkrtest=v("pbkrtest"), emmeans=v("emmeans")),
  how="lmer, each fit to a tight tolerance (bobyqa ftol_abs 1e-14, xtol_abs 1e-12; models of term_tests then nlminb rel.tol 1e-15); term_tests: lmerTest anova(type=2|3, ddf=...); joint_tests: emmeans; likelihood_ratio: anova(refit=FALSE); profile: confint(profile(ML fit, devtol=1e-9))",
  data="three is simulated (R set.seed(1), 60 subjects, three visits, arm x sex x visit unbalanced, 15 % of rows missing); the other data are in the files of their names")
write(toJSON(list(source=src, data=list(three=lapply(as.list(three), function(v) if (is.factor(v)) as.character(v) else v)), term_tests=out, likelihood_ratio=lrt, profile=profiles), digits=NA, auto_unbox=TRUE, na="null"), commandArgs(TRUE)[1])
