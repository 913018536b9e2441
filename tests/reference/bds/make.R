# Writes trial.sas7bdat and special_missing.xpt (see README.md) with R haven; run it in this folder.
library(haven)

trial <- read.csv("trial.csv", colClasses = c(SITEID = "character"), na.strings = "")
trial$ADT <- as.Date(trial$ADT)
text <- vapply(trial, function(column) is.character(column) || is.logical(column), TRUE)
trial[text] <- lapply(trial[text], function(column) ifelse(is.na(column), "", as.character(column)))
attr(trial$AVAL, "label") <- "Analysis Value"
suppressWarnings(write_sas(trial, "trial.sas7bdat")) # deprecated in haven, for SAS itself may refuse the file

special <- trial[1:4, c("USUBJID", "PARAMCD", "AVISIT", "AVAL")]
special$AVAL <- c(1.5, NA, tagged_na("A"), tagged_na("Z")) # 1.5, ., .A, .Z
write_xpt(special, "special_missing.xpt", version = 5, name = "SPECIAL")
