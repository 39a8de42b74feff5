# One piece of work in R: Rscript --vanilla tasks_r.R NAME prints its cost as JSON, like speed/task.py.
#
# The panel is the CSV that BENCH_NINE names: y, unit, period, treated.

name <- commandArgs(trailingOnly = TRUE)
panel <- read.csv(Sys.getenv("BENCH_NINE"))
panel$period <- factor(panel$period)
panel$unit <- factor(panel$unit)
effects <- y ~ 1 + treated + period + (1 | unit) + (0 + treated | unit)

processor <- function() sum(proc.time()[c("user.self", "sys.self", "user.child", "sys.child")], na.rm = TRUE)
clock <- function() proc.time()[["elapsed"]]

# What /proc says of this process, in MB.
peak <- function() {
  line <- grep("^VmHWM", readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) / 1024
}

# The medians of `repeats` calls; one that is not counted comes first where `first`. A fit that ends within the tick of
# R's clock is done `together` times a call.
cost_of <- function(call, tell, packages, repeats, first = TRUE, prepared = 0, together = 1) {
  if (first) call()
  walls <- cpus <- numeric(repeats)
  for (at in seq_len(repeats)) {
    wall <- clock(); cpu <- processor()
    for (again in seq_len(together)) done <- call()
    walls[at] <- (clock() - wall) / together
    cpus[at] <- (processor() - cpu) / together
  }
  told <- tell(done)
  versions <- vapply(packages, function(package) as.character(packageVersion(package)), "")
  number <- function(value) if (is.na(value)) "null" else format(value, digits = 8)
  cat("cost of the task: {\"wall\": ", number(median(walls)), ", \"cpu\": ", number(median(cpus)),
      ", \"prepared\": ", number(prepared), ", \"peak\": ", number(peak()),
      ", \"draws\": ", number(told$draws), ", \"answer\": ", number(told$answer),
      ", \"packages\": {", paste0("\"", packages, "\": \"", versions, "\"", collapse = ", "), "}}\n", sep = "")
}

# Restricted maximum likelihood of the simpler model.
lme4_nine <- function() {
  call <- function() suppressMessages(lme4::lmer(effects, panel))
  tell <- function(fit) list(answer = lme4::fixef(fit)[["treated"]], draws = NA)
  cost_of(call, tell, "lme4", repeats = 5, together = 20)
}

# Stan by brms with its own priors; compiling is preparation.
brms_nine <- function() {
  suppressPackageStartupMessages(library(brms))
  # Debian keeps the headers of Boost where C++ looks for them, not in the package BH, where rstan looks.
  if (system.file("include", package = "BH") == "") rstan::rstan_options(boost_lib = "/usr/include")
  before <- processor()
  compiled <- suppressMessages(brm(effects, panel, chains = 0, refresh = 0, silent = 2))
  prepared <- processor() - before
  call <- function() {
    suppressMessages(suppressWarnings(
      update(compiled, recompile = FALSE, chains = 4, cores = 1, iter = 2000, seed = 1, refresh = 0, silent = 2)
    ))
  }
  tell <- function(fit) {
    draws <- posterior::as_draws_array(fit)[, , "b_treated"]
    list(answer = mean(draws), draws = posterior::ess_bulk(posterior::extract_variable_matrix(draws, "b_treated")))
  }
  cost_of(call, tell, c("brms", "rstan"), repeats = 1, prepared = prepared)
}

do.call(name, list())
