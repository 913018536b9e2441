# Makes contrasts.json; run in this folder: Rscript contrasts.R
suppressMessages({library(lme4);library(lmerTest);library(emmeans);library(multcomp);library(mvtnorm);library(jsonlite)})
ctl<-lmerControl(optimizer="nloptwrap",optCtrl=list(xtol_rel=1e-12,xtol_abs=1e-12,ftol_rel=1e-15,ftol_abs=1e-14,maxeval=1e5))
F<-function(x){d<-as.data.frame(x);class(d)<-"data.frame"
 d<-lapply(d,function(z) if(is.factor(z)) as.character(z) else if(is.character(z)) z else as.numeric(z))
 d[!grepl("CL$",names(d))]}
d<-sleepstudy; d$D<-factor(d$Days)
m<-lmer(Reaction~D+(1|Subject),d,control=ctl)
e<-emmeans(m,"D",lmer.df="kenward-roger")
out<-list(source=list(R=R.version.string,emmeans=as.character(packageVersion("emmeans")),multcomp=as.character(packageVersion("multcomp")),lme4=as.character(packageVersion("lme4")),
 script="data and models as in sleepstudy.json and btheb.json; lmer, REML; emmeans with Kenward-Roger df (sleepstudy), z tests (btheb); glht with abseps=1e-6"))
out$sleepstudy<-list(formula="Reaction ~ DaysF + (1|Subject)",poly=F(contrast(e,"poly")),poly_coefficients=unname(as.list(coef(contrast(e,"poly"))[,-1])),consec=F(contrast(e,"consec",adjust="none")),revpairwise=F(contrast(e,"revpairwise",adjust="none")))
b<-as.data.frame(fromJSON("btheb.json")$data$columns); names(b)<-gsub(".","_",names(b),fixed=TRUE); b<-b[!is.na(b$bdi),]; b$visit<-factor(b$visit); b$treatment<-factor(b$treatment,levels=c("TAU","BtheB"));b$drug<-factor(b$drug);b$length<-factor(b$length)
m<-lmer(bdi~bdi_pre+drug+length+treatment*visit+(1|subject),b,control=ctl)
em<-emmeans(m,~visit|treatment,lmer.df="asymptotic")
g<-glht(m,linfct=contrast(em,"trt.vs.ctrl")@linfct); g1<-glht(m,linfct=contrast(em,"trt.vs.ctrl")@linfct,alternative="less")
set.seed(1);s1<-summary(g,test=adjusted("single-step",abseps=1e-6,maxpts=1e7))$test$pvalues
set.seed(1);s2<-summary(g,test=adjusted("free",abseps=1e-6,maxpts=1e7))$test$pvalues
set.seed(1);s3<-summary(g1,test=adjusted("single-step",abseps=1e-6,maxpts=1e7))$test$pvalues
out$btheb<-list(formula="bdi ~ bdi_pre + drug + length + treatment * visit + (1|subject)",proportional=F(emmeans(m,~visit*treatment,weights="proportional",lmer.df="asymptotic")),
 overall_proportional=F(emmeans(m,~treatment,weights="proportional",lmer.df="asymptotic")),
 consec=F(contrast(em,"consec",adjust="none")), poly=F(contrast(em,"poly")),
 single_step=as.numeric(s1),free=as.numeric(s2),single_step_less=as.numeric(s3))
full<-names(which(table(b$subject)==4)); bc<-b[b$subject %in% full,]
m2<-lmer(bdi~log(bdi_pre)*treatment+drug*bdi_pre+length+treatment*visit+(1|subject),bc,control=ctl)
rg<-ref_grid(m2,counterfactuals=c("treatment","visit"),lmer.df="asymptotic")
out$btheb_completers<-list(formula="bdi ~ log(bdi_pre) * treatment + drug * bdi_pre + length + treatment * visit + (1|subject)",counterfactual=F(emmeans(rg,~visit*treatment,lmer.df="asymptotic")))
write(toJSON(out,digits=I(15),auto_unbox=TRUE,pretty=FALSE),"contrasts.json")
