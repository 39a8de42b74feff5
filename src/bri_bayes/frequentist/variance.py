"""How uncertain are least-squares coefficients under each assumption about the errors?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.design import RELATIVE_ZERO
from bri_bayes.frequentist.ols import IDENTIFIED, TERM, LeastSquares, absorb_effects, codes, group_sums

TERM_2 = "term_2"
CLUSTER = "cluster"

# Eigenvalues of cross-products of unit-length columns below this share of the largest are zero but for rounding.
SINGULAR = 1e-9


@dataclass(frozen=True, eq=False)
class Variance:
    """A covariance matrix of the coefficients, NaN where it does not exist (``note`` says why).

    ``matrix`` : (term, term_2) squared units; ``df`` : degrees of freedom of the t distribution to use with it.
    """

    matrix: xr.DataArray
    df: int
    note: str | None = None

    @property
    def se(self) -> xr.DataArray:
        """Standard errors (term,)."""
        values = np.diag(self.matrix.to_numpy())
        positive = np.where(values > 0, values, np.nan)
        return xr.DataArray(np.sqrt(positive), dims=TERM, coords={TERM: self.matrix[TERM].values})

    def se_of(self, weights: Mapping[str, float]) -> float:
        """Standard error of the weighted sum of some coefficients."""
        terms = [term for term, weight in weights.items() if weight != 0]
        at = [self.matrix[TERM].values.tolist().index(term) for term in terms]
        part = self.matrix.to_numpy()[np.ix_(at, at)]
        vector = np.array([weights[term] for term in terms])
        square = float(vector @ part @ vector)
        return math.sqrt(square) if square > 0 else math.nan


def iid(fit: LeastSquares) -> Variance:
    """Equal and independent errors: RSS / (n - rank) (X~'X~)^-1, with t(n - rank)."""
    if fit.is_exact:
        return _absent(fit, fit.df_residual, _EXACT)
    scale = float(fit.residuals @ fit.residuals) / fit.df_residual
    return Variance(_labelled(fit, scale * fit.bread), fit.df_residual)


def crv1(fit: LeastSquares, *cluster: ArrayLike) -> Variance:
    """Errors that correlate within the clusters of one or two label arrays (obs,), with t(G - 1).

        V = c B (sum_g s_g s_g') B,   s_g = sum_{i in g} x~_i e_i,   c = G / (G - 1) (n - 1) / (n - K)

    K counts the parameters, but of effects nested within clusters only one a set. Two ways: V_1 + V_2 - V_12, G the
    smaller number of clusters. These are the factors of fixest and pyfixest. A coefficient whose scores are zero in
    every cluster (one treated against one control cluster) has no such variance, nor has one whose V_1 + V_2 - V_12 is
    negative: NaN.
    Source: Cameron, Gelbach & Miller (2011), doi:10.1198/jbes.2010.07136.
    """
    ways = [codes(labels) for labels in cluster]
    groups = [*ways, codes(ways[0] * (ways[1].max() + 1) + ways[1])] if len(ways) == 2 else ways
    n_clusters = min(int(way.max()) + 1 for way in ways)
    factor = _cluster_factor(fit, ways, n_clusters)
    if fit.is_exact or math.isnan(factor):
        return _absent(fit, n_clusters - 1, _EXACT if n_clusters > 1 else "there is only one cluster")
    influence = _influence(fit)
    scores = [group_sums(influence, group) for group in groups]
    matrix = sum((sign * (score.T @ score) for sign, score in zip((1, 1, -1), scores, strict=False)), _zeros(fit))
    lost = np.diag(matrix) <= (RELATIVE_ZERO * np.abs(influence).sum(axis=0)) ** 2
    matrix[lost, :] = matrix[:, lost] = np.nan
    note = _lost_note(lost, "the cluster-robust variance is not positive")
    return Variance(_labelled(fit, factor * matrix), n_clusters - 1, note)


def crv1_of_many(fit: LeastSquares, residuals: Array, cluster: ArrayLike) -> Array:
    """CRV1 standard errors of the first coefficient when other outcomes leave ``residuals`` (obs, m) : (m,)."""
    index = codes(cluster)
    scores = group_sums((fit.columns @ fit.bread[0])[:, None] * residuals, index)
    return np.asarray(np.sqrt(_cluster_factor(fit, [index], int(index.max()) + 1) * (scores**2).sum(axis=0)))


def crv3(fit: LeastSquares, cluster: ArrayLike) -> Variance:
    """The cluster jackknife, with t(G - 1): how far do the coefficients move when a cluster is left out?

        V = c sum_g (b_(g) - b)(b_(g) - b)',   c = G / (G - 1) (n - 1) / (n - rank)

    b_(g) : the coefficients without the rows of cluster g. The factor is that of pyfixest for effects given as
    dummies (``k_fixef="full"``); MacKinnon, Nielsen & Webb (2023) use (G - 1) / G, which gives smaller numbers.
    NaN for a coefficient that is not identified without one of the clusters, such as that of one treated unit.
    Source: MacKinnon, Nielsen & Webb (2023), doi:10.1002/jae.2969.
    """
    index = codes(cluster)
    n_clusters = int(index.max()) + 1
    if fit.is_exact or n_clusters < 2:
        return _absent(fit, n_clusters - 1, _EXACT if n_clusters > 1 else "there is only one cluster")
    moves = jackknife(fit, index).to_numpy() - fit.coefficients.to_numpy()
    lost = np.isnan(moves).any(axis=0)
    matrix = moves.T @ moves
    note = _lost_note(lost, "the coefficient is not identified without one of the clusters")
    return Variance(_labelled(fit, _crv3_factor(fit, n_clusters) * matrix), n_clusters - 1, note)


def jackknife(fit: LeastSquares, cluster: ArrayLike) -> xr.DataArray:
    """Coefficients (cluster, term) without the rows of one cluster; NaN where the others do not identify them.

        b_(g) - b = -(W'W - W_g'W_g)^+ W_g'e_g,    W = [X~, F~]

    X~ : the regressors after all effects; F~ : dummies of the effects that are not nested in clusters, after those
    that are (these need no refit). So no cluster costs more than the rank of W: (term + level)^3.
    """
    moves = _jackknife_moves(fit, fit.residuals[:, None], codes(cluster))[..., 0]
    coefficients = fit.coefficients.to_numpy() + moves
    return xr.DataArray(coefficients, dims=(CLUSTER, TERM), coords={TERM: list(fit.terms)})


def crv3_of_many(fit: LeastSquares, residuals: Array, cluster: ArrayLike) -> Array:
    """CRV3 standard errors of the first coefficient when other outcomes leave ``residuals`` (obs, m) : (m,)."""
    index = codes(cluster)
    moves = _jackknife_moves(fit, residuals, index)[:, 0]
    return np.asarray(np.sqrt(_crv3_factor(fit, len(moves)) * (moves**2).sum(axis=0)))


def _crv3_factor(fit: LeastSquares, n_clusters: int) -> float:
    return n_clusters / (n_clusters - 1) * (fit.residuals.size - 1) / fit.df_residual


def _jackknife_moves(fit: LeastSquares, residuals: Array, index: Index) -> Array:
    """How the coefficients of outcomes that leave ``residuals`` (obs, m) move : (cluster, term, m)."""
    norms = np.linalg.norm(fit.columns, axis=0)
    W = np.column_stack([fit.columns / norms, _effects_across_clusters(fit, index)])
    order = np.argsort(index, kind="stable")
    rows_of = np.split(order, np.searchsorted(index[order], np.arange(1, int(index.max()) + 1)))
    gram = W.T @ W
    moves = [_move(gram - W[rows].T @ W[rows], -W[rows].T @ residuals[rows], norms.size) for rows in rows_of]
    return np.asarray(np.array(moves) / norms[:, None])


_EXACT = "the model fits every row: nothing is left to estimate a variance from"


def _effects_across_clusters(fit: LeastSquares, index: Index) -> Array:
    """Dummies of the effects that are not nested in clusters, less those that are, of unit length: (obs, level)."""
    nested = [effect for effect in fit.absorber.effects if _is_nested(effect, index)]
    across = [effect for effect in fit.absorber.effects if not _is_nested(effect, index)]
    if not across:
        return np.zeros((index.size, 0))
    dummies = [(effect[:, None] == np.arange(int(effect.max()) + 1)).astype(float) for effect in across]
    columns = absorb_effects(nested).residuals(np.concatenate(dummies, axis=1))
    return np.asarray(columns / np.maximum(np.linalg.norm(columns, axis=0), RELATIVE_ZERO))


def _move(gram: Array, moment: Array, n_terms: int) -> Array:
    """The first ``n_terms`` rows of gram^+ ``moment`` (k, m), NaN where ``gram`` does not identify them."""
    values, vectors = np.linalg.eigh(gram)
    kept = values > SINGULAR * values[-1]
    vectors = vectors[:, kept]
    identified = (vectors[:n_terms] ** 2).sum(axis=1) > IDENTIFIED
    solution = vectors[:n_terms] @ ((vectors.T @ moment) / values[kept, None])
    return np.where(identified[:, None], solution, np.nan)


def _influence(fit: LeastSquares) -> Array:
    """What each row adds to the error of each coefficient: (obs, term)."""
    return np.asarray((fit.columns @ fit.bread) * fit.residuals[:, None])


def _cluster_factor(fit: LeastSquares, ways: list[Index], n_clusters: int) -> float:
    """G / (G - 1) (n - 1) / (n - K); NaN with one cluster and with as many parameters as rows."""
    nested = [effect for effect in fit.absorber.effects if any(_is_nested(effect, way) for way in ways)]
    spent = fit.rank - sum(int(effect.max()) + 1 for effect in nested) + len(nested)
    n_rows = fit.residuals.size
    if n_clusters < 2 or spent >= n_rows:
        return math.nan
    return n_clusters / (n_clusters - 1) * (n_rows - 1) / (n_rows - spent)


def _is_nested(effect: Index, cluster: Index) -> bool:
    pairs = np.unique(effect * (cluster.max() + 1) + cluster)
    return bool(pairs.size == effect.max() + 1)


def _zeros(fit: LeastSquares) -> Array:
    return np.zeros((len(fit.terms), len(fit.terms)))


def _absent(fit: LeastSquares, df: int, note: str) -> Variance:
    return Variance(_labelled(fit, np.full_like(_zeros(fit), np.nan)), df, note)


def _labelled(fit: LeastSquares, matrix: Array) -> xr.DataArray:
    terms = list(fit.terms)
    return xr.DataArray(matrix, dims=(TERM, TERM_2), coords={TERM: terms, TERM_2: terms})


def _lost_note(lost: NDArray[np.bool_], reason: str) -> str | None:
    return reason if lost.any() else None
