import pytest

from gridagora.scenarios.replication import Row, reference_results

#: Numbers that differ from the published ones; why stands in the table and in the notebook on market mechanisms.
DIFFER = {
    ("O11", "mean price, day 1"),
    ("O11", "mean price, day 2"),
    ("O11", "mean price, day 3"),
    ("O19", "efficiency, Roth-Erev original, r = 0.10, e = 0.20"),
    ("O19", "efficiency, Roth-Erev modified, r = 0.04, e = 0.97"),
}


@pytest.mark.slow
@pytest.mark.compiled
def test_published_results():
    """O1 to O14, O16, O17 and O19: what agrees and what does not is what the project says."""
    found = reference_results()
    named = found[found["verdict"] == "disagrees"]
    assert set(zip(named["id"], named["quantity"], strict=True)) == DIFFER
    assert (found.loc[found["verdict"] == "shown only", "id"] == "O12").all()
    assert (named["remark"] != "").all()


def test_exact_results():
    """With few draws the statistical results scatter, but what is exact agrees: 32 numbers of O1 to O11 and O16."""
    found = reference_results(0.001)
    exact = found[~found["reference"].str.contains("±|at |to ") & (found["verdict"] != "shown only")]
    assert len(exact) == 32
    assert (exact["verdict"] == "agrees").all()
    numbers = [*range(1, 15), 16, 17, 19]
    assert list(dict.fromkeys(found["id"])) == [f"O{number}" for number in numbers]


@pytest.mark.parametrize(
    ("low", "high", "judged", "verdict"),
    [(1, 2, True, "agrees"), (2, 3, True, "disagrees"), (2, 3, False, "shown only")],
)
def test_verdicts(low, high, judged, verdict):
    """Within the range of the reference a result agrees; one that is only remembered is not judged."""
    assert Row("O0", "price", "currency/kWh", "2", low, high, 1.5, judged=judged).verdict == verdict


@pytest.mark.parametrize("part", [0, 1.5])
def test_a_part_is_a_part(part):
    """Parts outside (0, 1] are refused."""
    with pytest.raises(ValueError, match=f"part: given {part}; allowed above 0 and at most 1"):
        reference_results(part)
