# The child process of one R program, as worker.py is of a Python one: prints one line of JSON.
# Rscript worker.R folder data budget most: the folder holds prepare.R, run.R and answer.R.
arguments <- commandArgs(trailingOnly = TRUE)
path <- arguments[2]
budget <- as.numeric(arguments[3])
most <- as.integer(arguments[4])
options(warn = -1, digits = 17)

code <- function(name) parse(file.path(arguments[1], paste0(name, ".R")))
clock <- function() as.numeric(Sys.time())
memory <- function(key) {
  line <- tryCatch(grep(key, readLines("/proc/self/status"), value = TRUE), error = function(e) character())
  if (length(line)) as.numeric(gsub("[^0-9]", "", line[1])) / 1024 else NA
}
number <- function(x) ifelse(is.finite(x), sprintf("%.17g", x), "null")
vector <- function(x) {
  x <- as.numeric(x)
  if (length(x) == 1) number(x) else paste0("[", paste(number(x), collapse = ","), "]")
}
object <- function(parts) {
  paste0("{", paste0("\"", names(parts), "\":", vapply(parts, vector, ""), collapse = ","), "}")
}

if ("load" %in% arguments) {
  table <- if (requireNamespace("data.table", quietly = TRUE)) {
    as.data.frame(data.table::fread(path, stringsAsFactors = TRUE))
  } else {
    read.csv(path, stringsAsFactors = TRUE)
  }
}
invisible(eval(code("prepare"), globalenv()))
run <- code("run")
invisible(gc())
try(suppressWarnings(writeLines("5", "/proc/self/clear_refs")), silent = TRUE) # VmHWM begins again at VmRSS
base <- memory("VmRSS")
started <- clock()
invisible(eval(run, globalenv()))
first <- clock() - started
peak <- memory("VmHWM")
answer <- eval(code("answer"), globalenv())
patience <- 8
tell <- function(seconds) {
  cat(
    "\n{\"answer\":", object(answer), ",\"seconds\":[", paste(number(seconds), collapse = ","), "],",
    "\"first\":", number(first), ",\"base_mb\":", number(base), ",\"peak_mb\":", number(peak), "}\n",
    sep = ""
  )
  flush(stdout())
}
tell(first) # stands where the process is ended during its repeats
again <- first < patience && most > 0
seconds <- if (again) numeric() else first
begun <- clock()
while (again && length(seconds) < most) {
  started <- clock()
  invisible(eval(run, globalenv()))
  ended <- clock()
  seconds <- c(seconds, ended - started)
  if (ended - begun > (if (length(seconds) >= 3) budget else patience)) break
}
tell(seconds)
