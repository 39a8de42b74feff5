"""What was computed is read back bit by bit; what is damaged counts as absent."""

import numpy as np
import pytest

from bri_bayes.core.effect import Effect
from bri_bayes.core.io import digest, write_text
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference import fit
from bri_bayes.runtime.cache import Cache
from bri_bayes.runtime.steps import Step, run_steps

from ..inference.panels import make_card, make_panel


def test_a_fit_comes_back_from_the_cache_as_it_was(tmp_path):
    analysis, cache = Analysis(*make_panel(), make_card()), Cache(tmp_path)
    first = fit(analysis, cache=cache)
    again = fit(analysis, cache=cache)
    assert again.diagnostics == dict(first.diagnostics)
    assert again.log_marginal == first.log_marginal
    for group in ("posterior", "log_likelihood", "posterior_predictive", "observed_data"):
        assert again.posterior[group].to_dataset().identical(first.posterior[group].to_dataset())


def test_another_panel_card_or_seed_is_another_fit(tmp_path):
    cache = Cache(tmp_path)
    panel, assignment = make_panel()
    for analysis, seed in (
        (Analysis(panel, assignment, make_card()), 0),
        (Analysis(panel, assignment, make_card()), 1),
        (Analysis(panel, assignment.shift(-1), make_card()), 0),
        (Analysis(panel * 2, assignment, make_card()), 0),
        (Analysis(panel, assignment, make_card(errors={"structure": "iid"})), 0),
    ):
        fit(analysis, cache=cache, seed=seed, pointwise=False)
    assert len(list(tmp_path.rglob("fit-*.npz"))) == 5


def test_a_truncated_file_in_the_cache_is_computed_again(tmp_path):
    analysis, cache = Analysis(*make_panel(), make_card()), Cache(tmp_path)
    first = fit(analysis, cache=cache, pointwise=False)
    stored = next(tmp_path.rglob("fit-*.npz"))
    stored.write_bytes(stored.read_bytes()[:1000])
    again = fit(analysis, cache=cache, pointwise=False)
    assert np.array_equal(first.posterior["posterior"]["effect"], again.posterior["posterior"]["effect"])


def test_steps_that_are_done_are_not_done_again_after_an_interruption(tmp_path):
    cache, calls = Cache(tmp_path), []

    def step(name, error=None):
        def call():
            calls.append(name)
            if error:
                raise error
            return {"name": name}

        return Step("owner", (name,), f"key-{name}", call)

    with pytest.raises(KeyboardInterrupt):
        run_steps([step("a"), step("b", KeyboardInterrupt()), step("c")], cache)
    finished = run_steps([step("a"), step("b"), step("c")], cache)
    assert calls == ["a", "b", "b", "c"]
    assert list(finished.of("owner")) == [("a",), ("b",), ("c",)]
    assert finished.seconds["owner/a"] == 0.0


def test_a_long_step_is_begun_right_after_the_answer_and_stands_where_it_stood_in_the_results(tmp_path):
    begun = []

    def step(name, owner="checks", *, long=False):
        return Step(owner, (name,), f"key-{name}", lambda: begun.append(name) or {"name": name}, long=long)

    finished = run_steps([step("a", "answer"), step("b"), step("c"), step("d", long=True)], Cache(tmp_path))
    assert begun == ["a", "d", "b", "c"]
    assert [name for _, (name,) in finished.results] == ["a", "b", "c", "d"]


def test_steps_whose_words_read_alike_are_two_steps_and_keep_the_class_of_their_result(tmp_path):
    effect = Effect(0.1, 0.2, -0.3, 0.5, 0.7)
    steps = [Step("a", ("b/c",), "one", lambda: effect, Effect), Step("a", ("b", "c"), "two", lambda: {"x": effect})]
    finished = run_steps(steps, Cache(tmp_path))
    assert finished.of("a") == {("b/c",): effect, ("b", "c"): {"x": effect.as_dict()}}
    assert finished.of("b") == {}
    assert run_steps(steps, Cache(tmp_path)).results == finished.results


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "values.json"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        write_text(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_digest_tells_parts_apart_and_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest("ab", "c") != digest("a", "bc")
    assert len({digest(b"x"), digest("x"), digest(["x"])}) == 3
