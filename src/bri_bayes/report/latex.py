"""How does a table fit a page of LaTeX? Plain pdflatex, text in columns that wrap, nothing wider than the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import cache

from bri_bayes.presentation.cells import Grid, grid
from bri_bayes.presentation.table_spec import Column, Table, provenance_of
from bri_bayes.presentation.terminal_table import unbroken

# Of an article in 10pt: points of the text's width, and in \footnotesize of wide, narrow and other characters.
_WIDTH, _GAP = 345.0, 6.0
_WIDE, _NARROW, _OTHER = 6.6, 2.9, 4.5
_NARROW_ONES = set(" ijltfrI.,;:'!()[]|-\u00a0")
_WIDE_ONES = set("mw%−<>×±≥≤=+–&@")
_NARROWEST_TEXT = 45.0
# Lines that a page holds; a longer table breaks over pages.
_PAGE_LINES = 44
# fmt: off
_GREEK = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
          "xi", "", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"]
_CHARACTERS: Mapping[str, str] = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "`": r"\textasciigrave{}",
    "<": "$<$", ">": "$>$", "|": "$|$", '"': "''", "−": "$-$", "–": "--", "—": "---", "…": r"\ldots{}", "‘": "`",
    "’": "'", "“": "``", "”": "''", "•": r"$\bullet$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$",
    "÷": r"$\div$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$", "≈": r"$\approx$", "∞": r"$\infty$", "→": r"$\to$",
    "√": r"$\surd$", "°": r"$^\circ$", "§": r"\S{}", "µ": r"$\mu$", "Δ": r"$\Delta$", "Σ": r"$\Sigma$",
    "Φ": r"$\Phi$", "Ω": r"$\Omega$", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "œ": r"\oe{}", "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "đ": "d", "Đ": "D", "\u00a0": "~",
    "⁻": "$^-$",
    **{char: f"$^{digit}$" for digit, char in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{char: f"$_{digit}$" for digit, char in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{chr(0x3B1 + at): f"$\\{name}$" if name else "o" for at, name in enumerate(_GREEK)},
}
_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
            "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c"}
# fmt: on


def latex_text(table: Table) -> str:
    """A float, or pieces of one page each where the table is long; the caption says what the numbers are made from."""
    groups, shown = grid(table).grouped()
    kept = _widths(shown)
    hidden = shown.hidden(table, kept)
    notes = [*shown.notes, *([f"The CSV has more columns: {', '.join(hidden)}."] if hidden else [])]
    caption = ". ".join(part.rstrip(".") for part in (table.caption, provenance_of(table.panel)))
    pieces = _pieces(shown, kept, groups) or [[]]
    texts = []
    for number, rows in enumerate(pieces, start=1):
        said = caption if len(pieces) == 1 else f"{caption} ({number} of {len(pieces)})"
        label = f"tab:{table.name}" + (f":{number}" if number > 1 else "")
        texts.append(_float(shown, kept, groups, rows, said, label, notes if number == len(pieces) else []))
    rules = "".join(f"\\providecommand{{\\{name}}}{{\\hline}}" for name in ("toprule", "midrule", "bottomrule"))
    return f"% The package booktabs draws finer rules, if it is loaded.\n{rules}\n" + "\\clearpage\n".join(texts)


def escaped(text: str) -> str:
    """Text that pdflatex sets as it stands, without a package: accents as commands, other scripts as their codes."""
    return unicodedata.normalize("NFC", text).translate(_AS_SET)


class _AsSet(dict[int, str]):
    """What pdflatex is given for each character, looked up once."""

    def __missing__(self, code: int) -> str:
        self[code] = _character(chr(code))
        return self[code]


_AS_SET = _AsSet()


def _character(char: str) -> str:
    if char in _CHARACTERS:
        return _CHARACTERS[char]
    if char.isascii():
        return char if char.isprintable() else " "
    base, *marks = list(unicodedata.normalize("NFD", char))
    if base.isascii() and base.isalpha():
        accents = [_ACCENTS[mark] for mark in marks if mark in _ACCENTS]
        return f"\\{accents[0]}{{{base}}}" if accents else base
    return f"[U+{ord(char):04X}]"


def _widths(shown: Grid) -> dict[int, float]:
    """Points for each column that is kept: numbers as they are, text wrapped; lesser columns go first."""
    kept = list(range(len(shown.columns)))
    while True:
        room = _WIDTH - _GAP * (len(kept) - 1)
        needed = {at: _needed(shown, at) for at in kept}
        text = [at for at in kept if not shown.columns[at].is_numeric]
        room_for_text = room - sum(size for at, size in needed.items() if at not in text)
        least = {at: min(needed[at], max(_NARROWEST_TEXT, _longest_word(shown, at))) for at in text}
        if sum(least.values()) <= room_for_text or len(kept) == 1:
            break
        minor = [at for at in kept if shown.columns[at].minor]
        kept.remove(minor[-1] if minor else kept[-1])
    widths = {at: min(needed[at], room) for at in kept}
    while (excess := sum(widths[at] for at in text) - room_for_text) > 0.01:
        widest = max(text, key=lambda at: widths[at] - least[at])
        if widths[widest] <= least[widest]:
            break
        second = max([widths[at] for at in text if at != widest and widths[at] < widths[widest]], default=0.0)
        widths[widest] = max(least[widest], second, widths[widest] - excess)
        if widths[widest] == second:
            widths[widest] = max(least[widest], second - 1)
    return widths


@cache
def _points(text: str) -> float:
    kinds = [_kind(char) for char in text]
    wide, narrow = kinds.count(_WIDE), kinds.count(_NARROW)
    return _WIDE * wide + _NARROW * narrow + _OTHER * (len(text) - wide - narrow)


@cache
def _kind(char: str) -> float:
    """Points of a character."""
    if char in _WIDE_ONES or (char.isupper() and char != "I"):
        return _WIDE
    return _NARROW if char in _NARROW_ONES else _OTHER


def _needed(shown: Grid, at: int) -> float:
    """Points of the longest cell, and of the longest word of the heading."""
    words = unbroken(shown.columns[at].heading).split(" ")
    return max(_points(text) for text in (*words, *(row[at].text for row in shown.rows)))


def _longest_word(shown: Grid, at: int) -> float:
    texts = (shown.columns[at].heading, *(row[at].text for row in shown.rows))
    return max(_points(word) for text in texts for word in text.split() or [""])


def _pieces(shown: Grid, kept: dict[int, float], groups: list[str]) -> list[list[int]]:
    """Rows by page, by the lines that they take."""
    pieces: list[list[int]] = []
    lines = _PAGE_LINES
    for number, row in enumerate(shown.rows):
        height = max(len(_fitted(row[at].text, width)) for at, width in kept.items())
        height += bool(groups[number]) and (not number or groups[number] != groups[number - 1])
        if lines + height > _PAGE_LINES:
            pieces.append([])
            lines = 0
        pieces[-1].append(number)
        lines += height
    return pieces


def _fitted(text: str, width: float) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip(" ")
        if _points(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _float(
    shown: Grid, kept: dict[int, float], groups: list[str], rows: list[int], caption: str, label: str, notes: list[str]
) -> str:
    columns = [shown.columns[at] for at in kept]
    forms = ["r" if shown.columns[at].is_numeric else f"p{{{width:.1f}pt}}" for at, width in kept.items()]
    form = f"@{{}}{'@{\\hspace{6pt}}'.join(forms)}@{{}}"
    across = f"\\multicolumn{{{max(len(columns), 1)}}}{{@{{}}l@{{}}}}"
    body: list[str] = []
    for position, number in enumerate(rows):
        if groups[number] and (position == 0 or groups[number] != groups[rows[position - 1]]):
            body.append(f"{across}{{\\emph{{{escaped(groups[number])}}}}} \\tabularnewline")
        body.append(_row([_text(shown.rows[number][at].text, shown.columns[at]) for at in kept]))
    lines = [
        r"\begin{table}[tp]",
        r"\centering\footnotesize",
        f"\\caption{{{escaped(caption)}}}\\label{{{label}}}",
        f"\\begin{{tabular}}{{{form}}}",
        r"\toprule",
        *_headings(columns, list(kept.values())),
        r"\midrule",
        *(body or [f"{across}{{No rows.}} \\tabularnewline"]),
        r"\bottomrule",
        r"\end{tabular}",
        *(f"\\par\\vspace{{2pt}}\\parbox{{\\textwidth}}{{\\scriptsize {escaped(note)}}}" for note in notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _headings(columns: list[Column], widths: list[float]) -> list[str]:
    """Headings in as many lines as they need."""
    texts = [_fitted(unbroken(column.heading), width) for column, width in zip(columns, widths, strict=True)]
    return [
        _row(
            [
                _text(lines[number] if number < len(lines) else "", column)
                for lines, column in zip(texts, columns, strict=True)
            ]
        )
        for number in range(max(map(len, texts), default=0))
    ]


def _row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \tabularnewline"


def _text(text: str, column: Column) -> str:
    return escaped(text) if column.is_numeric else f"\\raggedright {escaped(text)}"
