"""A sample that ends earlier counts as every answer does, and one whose computation does not pass is a failed gate."""

import dataclasses
from types import SimpleNamespace

from bri_bayes.checks.refits import Refit
from bri_bayes.core.effect import Effect
from bri_bayes.report.sections import robustness

MAIN = Refit(
    att=Effect(mean=0.02, sd=0.1, lower=-0.18, upper=0.22, p_positive=0.58),
    engine="marginal", ess=300.0, khat=0.2, rhat=None, rows=90, log_marginal=0.0, trustworthy=True,
)  # fmt: skip


def test_an_end_that_does_not_pass_fails_the_command(monkeypatch):
    fits = {("main",): {"y": MAIN}, ("ends", "y"): {"2019": MAIN, "2018": dataclasses.replace(MAIN, trustworthy=False)}}
    monkeypatch.setattr("bri_bayes.runtime.refit_steps.gathered", lambda place, results: fits[place])
    study = SimpleNamespace(outcomes={"y": None})
    context = SimpleNamespace(
        study=study, done={}, described=lambda name: SimpleNamespace(label="Y", transform="log", unit=None)
    )
    monkeypatch.setattr(robustness, "RobustnessOutcome", SimpleNamespace)
    result = robustness.collect(context, {})
    assert result.failed_gates == ["robustness/y: the fit that ends in 2018 does not pass"]
    assert result.outcomes["y"].answers == 3
