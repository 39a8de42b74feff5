"""What does a moderation say in plain sentences? Rows, range, slope, zero, and how much was learned, by rule."""

from __future__ import annotations

from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence, known_from
from bri_bayes.presentation.study_tables import Values

NAME = "moderation"


def reading(values: Values) -> list[str]:
    """What the numbers say, each sentence by a rule: rows, range, slope, zero, and how much was learned."""
    section, texts = values[NAME], []
    label = section["moderator"]["label"]
    for _, outcome, version, answer in versions_of(values):
        if version == outcome["main"]:
            texts.append(_lost(values, label, answer))
        texts.append(_answer(outcome, answer, label))
        if answer.get("persistent_share") is not None:
            share = sentences.probability(answer["persistent_share"])
            texts.append(
                f"{outcome['label']}: by the smoothness of the reported series, {share} of the variance of its error "
                "stays with a country through the years; errors of single years hardly matter."
            )
    return [text for text in texts if text]


def _answer(outcome: Values, answer: Values, label: str) -> str:
    slope, learned, zero = answer["slope"], answer["learned"], answer["zero"]
    digits = 3 if slope["sd"] > 0.005 else 4
    low, high = (sentences.number(edge, 1) for edge in answer["range"])
    first, last = answer["curve"][0], answer["curve"][-1]
    text = (
        f"{outcome['label']}, {in_sentence(answer['title'])}: the effect changes by "
        f"{sentences.signed(slope['mean'], digits)} per unit "
        f"({sentences.interval(slope['lower'], slope['upper'], digits)}), "
        f"with probability {sentences.probability(answer['p_negative'])} it falls; "
        f"from {sentences.signed(first['mean'], 2)} at {low} to {sentences.signed(last['mean'], 2)} at {high}. "
    )
    if zero["exists"]:
        text += (
            f"It is zero at {sentences.number(zero['median'], 1)} "
            f"({sentences.interval(zero['lower'], zero['upper'], 1)}). "
        )
    else:
        inside = sentences.probability(zero["p_inside"])
        text += f"No value at which it is zero can be named (inside the panel's range: {inside}). "
    share = sentences.probability(answer["between_share"], words=False)
    contraction = sentences.number(learned["contraction"], 2)
    countries = len(answer["observed"])
    text += (
        f"{share} of the variance of {label} over the treated cells lies between {countries} countries; "
        f"the data took {contraction} of the prior variance of the slope away: "
        f"what is known {known_from(learned['verdict'])}."
    )
    return text


def _lost(values: Values, label: str, answer: Values) -> str:
    rows = answer["rows"]
    if not rows["n_lost"]:
        return ""
    names = values.get("unit_names", {})
    gaps = [f"{names.get(unit, unit)} {_years(years)}" for unit, years in rows["lost"].items()]
    idle = [names.get(unit, unit) for unit in rows["without_treated_rows"]]
    text = f"{rows['n_lost']} rows have no {label} year by year and are left out, none is filled: {'; '.join(gaps)}."
    if idle:
        text += f" So {', '.join(idle)} has no treated row there; the version fixed before the onset keeps all rows."
    return text


def _years(years: list[int]) -> str:
    """Runs of years: 2006-2020, 2023."""
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def versions_of(values: Values) -> list[tuple[str, Values, str, Values]]:
    """Outcome, its values, version and its values, in order."""
    return [
        (name, outcome, version, answer)
        for name, outcome in values[NAME]["outcomes"].items()
        for version, answer in outcome["versions"].items()
    ]
