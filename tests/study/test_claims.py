"""Does a study refuse a claim that nothing could judge?"""

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.study.study_file import load_study

CLAIM = '[[claims]]\ntext = "{outcome} rose"\nwhere = "Table 1"\nrule = "effect"\n'


def study_with(tmp_path, claim):
    text = (shipped("data") / "simulated.toml").read_text(encoding="utf-8")
    path = tmp_path / "study.toml"
    path.write_text(f"{text}\n{claim}", encoding="utf-8")
    return load_study(path)


def test_a_claim_is_read_with_its_rule_and_place(tmp_path):
    (claim,) = study_with(tmp_path, CLAIM + "claimed = 0.5\n").claims
    assert (claim.rule, claim.where, claim.claimed, claim.outcome) == ("effect", "Table 1", 0.5, None)


def test_a_study_audits_the_shipped_paper_or_tables_beside_it(tmp_path):
    text = (shipped("data") / "simulated.toml").read_text(encoding="utf-8")
    path = tmp_path / "study.toml"
    for written, meant in (("true", True), ("false", False), ('"tables.toml"', tmp_path / "tables.toml")):
        path.write_text(text.replace("audit = false", f"audit = {written}"), encoding="utf-8")
        assert load_study(path).audit == meant
    path.write_text(text.replace("audit = false", 'audit = "../tables.toml"'), encoding="utf-8")
    with pytest.raises(InputError, match="lies outside the folder of the study"):
        load_study(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('rule = "effect"', 'rule = "efect"', 'rule = "efect" .* is not allowed; did you mean "effect"'),
        ("{outcome} rose", "{outcom} rose", 'the text has {outcom}; did you mean "outcome"'),
        ("{outcome} rose", "{channels} rose", "the text has {channels}; allowed: claimed, outcome"),
        ('rule = "effect"', 'rule = "fake_onsets"', 'a claim has onsets if its rule is "fake_onsets"'),
        ('rule = "effect"', 'rule = "effect"\nonsets = [2010]', 'a claim has onsets if its rule is "fake_onsets"'),
        ('rule = "effect"', 'rule = "effect"\noutcome = "lnexprt"', 'outcome "lnexprt"; did you mean "lnexport"'),
        ('rule = "effect"', 'rule = "both_positive"\noutcome = "lnexport"', "is on two outcomes and names none"),
    ],
)
def test_a_claim_that_nothing_could_judge_is_refused(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        study_with(tmp_path, CLAIM.replace(old, new))
