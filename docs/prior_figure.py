"""What do the priors of a card look like? Drawn from the card when the documentation is built, so never behind it."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from bri_bayes.inference.prior import prior_density, prior_quantile
from bri_bayes.report.figures import theme
from bri_bayes.study.model_card import load_card

CARD = "did_shared"
# The hyperparameters of the card that answers first, in words; autocorrelations lie in (-1, 1).
SCALES = {
    "sigma": "sd of an error's innovation (sigma)",
    "noise": "sd of the noise of a year",
    "rho": "autocorrelation of errors (rho)",
    "effect_unit": "sd of effects between units (omega)",
    "effect_step": "sd of a bend of the path (eta)",
    "shock": "sd of a shared shock (psi)",
}
_DPI = 110


def draw(folder: Path) -> Path:
    """The densities of the average effect and of six hyperparameters, with their 95% ranges shaded."""
    card = load_card(CARD)
    with theme.style():
        figure, axes = plt.subplots(2, 4, figsize=(11, 5.2), layout="constrained")
        figure.suptitle(
            f"Priors of {card.name}: one wide normal for the average effect, scales that may be zero", x=0.01, ha="left"
        )
        effect = card.priors.effect
        x = np.linspace(-3 * effect, 3 * effect, 401)
        _panel(
            axes[0, 0], x, np.exp(-0.5 * (x / effect) ** 2) / (effect * np.sqrt(2 * np.pi)),
            (-1.96 * effect, 1.96 * effect), "average effect",
        )  # fmt: skip
        for ax, (name, words) in zip(axes.flat[1:], SCALES.items(), strict=False):
            prior = getattr(card.priors, name)
            low, high = (prior_quantile(name, prior, p) for p in (0.025, 0.975))
            x = np.linspace(-0.999, 0.999, 401) if name == "rho" else np.linspace(0, 1.25 * high, 401)
            _panel(ax, x, prior_density(name, prior, x), (low, high), words)
        note = axes.flat[-1]
        note.axis("off")
        note.text(
            0, 0.95, "Shaded: 95% of the prior.\nUnits: the outcome's sd after unit\nand period effects; for psi, an\n"
            "error's sd.", va="top",
        )  # fmt: skip
        path = folder / "priors.png"
        figure.savefig(path, dpi=_DPI)
        plt.close(figure)
    return path


def _panel(ax: plt.Axes, x: np.ndarray, density: np.ndarray, inner: tuple[float, float], words: str) -> None:
    ax.plot(x, density, color=theme.BLUE)
    inside = (x >= inner[0]) & (x <= inner[1])
    ax.fill_between(x[inside], 0, density[inside], color=theme.BLUE, alpha=0.25, linewidth=0)
    ax.set_xlabel(words)
    ax.set_ylim(0, None)
    ax.set_yticks([])
    ax.set_ylabel("density")
