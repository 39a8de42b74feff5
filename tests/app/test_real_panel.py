"""The nine countries on real data, as a new user would ask: the numbers that the provenance note of the panel gives."""

import json

import pytest

pytestmark = pytest.mark.real

COMMAND = ["--unit", "iso3", "--period", "year", "--treated", "KAZ,KGZ,TJK,TKM,UZB", "--controls", "MNG,BLR,AZE,SRB"]
COMMAND += ["--onset", "2013", "--periods", "2003:2020", "--json"]
# Estimate, ordinary and CRV1 standard error, assignments at least as large, of 126.
KNOWN = {
    "baci_export_musd": (0.200, 0.127, 0.291, 63),
    "baci_import_musd": (0.135, 0.314, 0.838, 118),
}
PRINTED = 6e-4


@pytest.mark.parametrize(("column", "known"), KNOWN.items(), ids=KNOWN.keys())
def test_estimate_returns_the_known_answers_and_a_trustworthy_posterior(shared, column, known, call, within):
    path = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    with within(10):
        status, out, _ = call("estimate", path, "--outcome", f"log({column})", *COMMAND)
    assert status == 0
    values = json.loads(out)
    rows = {(row["estimator"], row["inference"]): row for row in values["frequentist"]}
    estimate, iid, crv1, larger = known
    assert values["panel"]["rows"] == 159
    assert rows["twfe", "iid"]["estimate"] == pytest.approx(estimate, abs=PRINTED)
    assert rows["twfe", "iid"]["se"] == pytest.approx(iid, abs=PRINTED)
    assert rows["twfe", "cluster"]["se"] == pytest.approx(crv1, abs=PRINTED)
    assert rows["twfe", "permutation"]["p_value"] * 126 == pytest.approx(larger, abs=1e-6)
    assert rows["twfe", "permutation"]["n_assignments"] == 126
    bayes = values["bayes"]
    assert bayes["engine"] == "marginal"
    assert bayes["rhat"] < 1.01
    assert bayes["ess"] > 400
    assert bayes["khat"] < 0.7
