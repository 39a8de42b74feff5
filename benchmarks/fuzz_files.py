"""Which files are right before they are spoiled, and how are they spoiled? Texts for ``fuzz_commands``."""

from __future__ import annotations

import random
import re

NUMBERS = [
    "0",
    "-1",
    "1",
    "2",
    "1e200",
    "1e-300",
    "nan",
    "inf",
    "1000000000",
    "99999999999999999999",
    "2000.7",
    "1e6",
    "true",
    "[]",
    "{}",
    '""',
    '"x"',
    "[1, 2]",
    "2000-01-01",
    "",
    "NA",
    "..",
    "=1+1",
    "1,063",
    "1.063,5",
]
WORDS = [
    "", " ", "x", "../x", "/etc/passwd", "a\\u001b[2J", "y", "A", "lnx", "log", "did", "Congo, Dem. Rep.", "=1+1", "NA",
    "w" * 300, "é", "\\u202e", "event_study", "treated", "year", "unit",
]  # fmt: skip
LINES = [
    "",
    "x",
    "a = 1",
    "[x]",
    "[[claims]]",
    "[panel]",
    "{",
    ",,,,",
    '"',
    "[sampler]\ndraws = 1",
    "1;2;3",
    "\x00",
    "é",
]
BYTES = [b"", b"\xff", b"\x00", b"\r", b'"', b"\n", b"\xef\xbb\xbf", b"\x1b", b"'", b"]"]

STUDY = """title = "A study"
models = ["did"]
[panel]
kind = "user"
file = "panel.csv"
unit = "unit"
period = "year"
periods = [2000, 2009]
[assignment]
treated = ["A", "B"]
onset = 2005
controls = ["C", "D", "E"]
[pool]
treatment = "policy"
exclude = ["F"]
[exposed]
C = 2007
[propensity]
covariates = ["x"]
years = [2000, 2004]
[outcomes.y]
column = "y"
[outcomes.z]
column = "z"
transform = "log"
published = { estimate = 0.2, se = 0.1, source = "A table" }
[covariates.x]
column = "x"
[modifiers.m]
column = "m"
[mediators.w]
column = "w"
"""


def _panel() -> str:
    rng = random.Random(7)
    rows = ["unit,year,y,z,x,m,w,policy"]
    for at, unit in enumerate("ABCDEF"):
        m = rng.gauss(0, 1)
        for year in range(2000, 2010):
            treated = int(unit in "AB" and year >= 2005)
            values = [at + rng.gauss(0, 0.3) + 0.5 * treated, 10 + rng.random(), rng.gauss(0, 1), m, rng.gauss(0, 1)]
            rows.append(",".join([unit, str(year), *(f"{value:.4f}" for value in values), str(treated)]))
    return "\n".join(rows) + "\n"


PANEL = _panel()


def spoiled(rng: random.Random, text: str, most: int = 2) -> bytes:
    """The text after up to ``most`` accidents."""
    for _ in range(rng.randint(1, most)):
        text = rng.choice([_number, _number, _number, _word, _word, _line, _line, _cut])(rng, text)
    content = text.encode("utf-8", errors="replace")
    if content and rng.random() < 0.1:
        at = rng.randrange(len(content))
        content = content[:at] + rng.choice(BYTES) + content[at + rng.randint(0, 1) :]
    return content


def _number(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, r"-?\d[\d.]*(?:e[+-]?\d+)?", NUMBERS)


def _word(rng: random.Random, text: str) -> str:
    return _swapped(rng, text, r"[A-Za-z_][\w ]*", WORDS)


def _swapped(rng: random.Random, text: str, pattern: str, others: list[str]) -> str:
    places = list(re.finditer(pattern, text))
    if not places:
        return text
    place = rng.choice(places)
    return text[: place.start()] + rng.choice(others) + text[place.end() :]


def _line(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        case 2:
            lines.insert(at, rng.choice(LINES))
        case _:
            del lines[at : at + rng.randint(1, 12)]
    return "\n".join(lines)


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text))] if text and rng.random() < 0.3 else text


def tables_toml(rng: random.Random) -> str:
    """Up to four regressions on a few variables, some of which regress one on the others."""
    variables = ["y", "x", "z", "v"]
    lines = []
    if rng.random() < 0.5:
        lines += [
            "star_levels = [0.1, 0.05, 0.01]",
            f"units = {rng.choice([1, 10])}",
            f"periods = {rng.choice([2, 21])}",
        ]
    for column in range(1, rng.randint(1, 4) + 1):
        outcome = rng.choice(["y", "y", "z"])
        names = rng.sample([name for name in variables if name != outcome], rng.randint(1, 3))
        digits, size = rng.randint(0, 4), 10.0 ** rng.choice([0, 0, 0, -3, 4, 8])
        coefficients = {name: _shown(rng.gauss(0, 1) * size, digits) for name in names}
        errors = {name: _shown(abs(rng.gauss(0, 0.3)) * size, digits) for name in names}
        lines += ["[[regression]]", f'name = "Table 1 ({column})"', f'outcome = "{outcome}"']
        lines += [f"coefficients = {_inline(coefficients)}", f"standard_errors = {_inline(errors)}"]
        lines += [rng.choice(['absorbed = ["unit", "period"]', 'absorbed = ["unit"]', "absorbed = []"])]
        lines += rng.sample(['observations = "210"', f'r_squared = "{rng.choice(["0.9", "1.0", "0", "0.0001"])}"'], 1)
        lines += [f"stars = {{ {names[0]} = {rng.randint(0, 3)} }}"] * rng.randint(0, 1)
    return "\n".join(lines) + "\n"


def _shown(value: float, digits: int) -> str:
    return f"{value:.{digits}e}" if not 1e-6 < abs(value) < 1e9 else f"{value:.{digits}f}"


def _inline(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f'{name} = "{value}"' for name, value in pairs.items()) + " }"


def groups(rng: random.Random) -> str:
    """Incomes and people of two groups in a few countries and years."""
    rows = ["unit,period,group,mean,population,w"]
    for unit in ("KAZ", "NA", "MNG"):
        for year in range(2003, 2003 + rng.randint(1, 4)):
            rows += [
                f"{unit},{year},{name},{rng.uniform(1, 9):.2f},{rng.randint(1, 99)},0.1" for name in ("city", "land")
            ]
    return "\n".join(rows) + "\n"


def wdi(rng: random.Random) -> str:
    """The World Bank's wide file of the Gini index."""
    years = range(2003, 2003 + rng.randint(1, 5))
    preamble = rng.choice(
        ["", '"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n']
    )
    rows = ["Country Name,Country Code,Indicator Name,Indicator Code," + ",".join(map(str, years))]
    for name, code in (("Kazakhstan", "KAZ"), ('"Congo, Dem. Rep."', "COD"), ("Namibia", "NAM")):
        cells = ",".join(rng.choice(["", f"{rng.uniform(20, 60):.1f}"]) for _ in years)
        rows.append(f"{name},{code},Gini index,SI.POV.GINI,{cells}")
    return preamble + "\n".join(rows) + "\n"


def trade(rng: random.Random, *, baci: bool) -> str:
    """Trade in a few products: a file of BACI, or one with columns of its own."""
    rows = ["t,i,j,k,v,q" if baci else "unit,period,product,value,quantity"]
    for year in (2003, 2004):
        for number, code in ((398, "KAZ"), (496, "MNG"), (516, "NA")):
            for product in ("300490", "847130", "851712"):
                amounts = f"{rng.lognormvariate(3, 1):.3f},{rng.choice(['NA', f'{rng.lognormvariate(1, 1):.3f}'])}"
                rows.append(
                    f"{year},156,{number},{product},{amounts}" if baci else f"{code},{year},{product},{amounts}"
                )
    return "\n".join(rows) + "\n"


def categories_toml(rng: random.Random) -> str:
    """A study of product categories, without a panel of its own."""
    names = "[categories.names]\n76 = 'Telephones'\n59 = 'Chemicals'\n792 = 'Aircraft'\n"
    table = "[categories]\nkind = 'user'\nperiods = [2003, 2008]\n[categories.outcomes.trade]\nlabel = 'Trade'\n"
    study = STUDY.replace("2005", "2006").replace("C = 2007\n", "")
    return study + table + rng.choice([names, ""])


def categories(rng: random.Random) -> str:
    """Trade in three categories by unit and year."""
    rows = ["unit,period,category,value"]
    for unit in "ABCDE":
        for year in range(2003, 2009):
            rows += [f"{unit},{year},{code},{rng.lognormvariate(3, 1):.2f}" for code in ("76", "59", "792")]
    return "\n".join(rows) + "\n"
