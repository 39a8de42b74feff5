"""What a study says before anything is fitted: what its variables and its cards are called."""

from __future__ import annotations

from bri_bayes.app.study_outline import QUICK, named
from bri_bayes.study.card_changes import card
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study


def test_a_card_that_only_has_the_name_of_a_shipped_one_is_called_by_its_name() -> None:
    study = load_study()

    def labels(**cards: object) -> dict[str, str]:
        return dict(named(study, cards)["study"]["labels"])  # type: ignore[arg-type]

    assert "did" not in labels(did=load_card("did"))
    assert "did" not in labels(did=card("did", sampler={"draws": QUICK.draws}))
    assert labels(did=card("did", priors={"effect": 3.0}))["did"] == "did"
    assert "mine" not in labels(mine=card("did", priors={"effect": 3.0}, name="mine"))
