"""The triangle of a QR decomposition: the inner products of long columns in few rows."""

from __future__ import annotations

import numpy as np

CHUNK = 2048
"""Rows that are decomposed at a time: what a processor's cache holds of a narrow table."""


def triangle(rows: np.ndarray) -> np.ndarray:
    """R, (min(n, m), m), with R'R = A'A for rows A (n, m); of long tables chunk by chunk.

    The triangles of chunks, one upon the other, have the triangle of the whole (Demmel, Grigori, Hoemmen and Langou
    2012, SIAM Journal on Scientific Computing 34:A206).
    """
    m = rows.shape[1]
    chunk = max(CHUNK, 4 * m)
    while len(rows) > 2 * chunk:
        whole = len(rows) // chunk * chunk
        parts = np.linalg.qr(rows[:whole].reshape(-1, chunk, m), mode="r")
        rows = np.concatenate([parts.reshape(-1, m), rows[whole:]])
    return np.linalg.qr(rows, mode="r")
