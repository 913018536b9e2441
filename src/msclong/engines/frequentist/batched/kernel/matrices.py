"""Small dense matrices, in compiled code. Plain loops: NumPy's functions would take longer to compile than to run."""

from __future__ import annotations

import numpy as np

from msclong.engines.frequentist.batched.kernel.compiled import compiled


@compiled
def cholesky(matrix, size, out):
    """Lower Cholesky factor of matrix[:size, :size] into out; whether there is one."""
    for a in range(size):
        for b in range(a + 1):
            s = matrix[a, b]
            for c in range(b):
                s -= out[a, c] * out[b, c]
            if a > b:
                out[a, b] = s / out[b, b]
            elif s > 0 and s < np.inf:
                out[a, a] = np.sqrt(s)
            else:
                return False
    return True


@compiled
def invert_lower(root, size):
    """The inverse of a lower triangle, in place."""
    for a in range(size):
        root[a, a] = 1 / root[a, a]
        for b in range(a):
            s = 0.0
            for c in range(b, a):
                s += root[a, c] * root[c, b]
            root[a, b] = -s * root[a, a]


@compiled
def correlation_root(matrix, scale, root):
    """Into root, the inverse Cholesky factor of `matrix` divided by scale (filled too) to a diagonal of one.

    Returns a lower bound of that matrix's smallest eigenvalue, one over the trace of its inverse; 0 without a root.
    """
    k = len(matrix)
    divided = np.empty((k, k))
    for j in range(k):
        if not matrix[j, j] > 0:
            return 0.0
        scale[j] = np.sqrt(matrix[j, j])
        for i in range(j + 1):
            divided[j, i] = matrix[j, i] / (scale[i] * scale[j])
    if not cholesky(divided, k, root):
        return 0.0
    invert_lower(root, k)
    trace = 0.0
    for a in range(k):
        for b in range(a + 1):
            trace += root[a, b] ** 2
    return 1 / trace


@compiled
def eigen(matrix, values, vectors):
    """Eigenvalues and eigenvectors (columns) of a symmetric matrix, by Jacobi's rotations; `matrix` is used up."""
    k = len(matrix)
    for i in range(k):
        for j in range(k):
            vectors[i, j] = 1.0 if i == j else 0.0
    for _ in range(60):
        off, on = 0.0, 0.0
        for i in range(k):
            on += matrix[i, i] ** 2
            for j in range(i):
                off += matrix[i, j] ** 2
        if not off > 1e-34 * on:
            break
        for i in range(k):
            for j in range(i):
                if matrix[i, j] == 0:
                    continue
                ratio = (matrix[i, i] - matrix[j, j]) / (2 * matrix[i, j])
                t = (1.0 if ratio >= 0 else -1.0) / (abs(ratio) + np.sqrt(ratio**2 + 1))
                c = 1 / np.sqrt(t**2 + 1)
                s = t * c
                for m in range(k):
                    x, y = matrix[m, i], matrix[m, j]
                    matrix[m, i], matrix[m, j] = c * x + s * y, c * y - s * x
                for m in range(k):
                    x, y = matrix[i, m], matrix[j, m]
                    matrix[i, m], matrix[j, m] = c * x + s * y, c * y - s * x
                    x, y = vectors[m, i], vectors[m, j]
                    vectors[m, i], vectors[m, j] = c * x + s * y, c * y - s * x
    for i in range(k):
        values[i] = matrix[i, i]


@compiled
def product(A, B):
    """A B."""
    result = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for m in range(A.shape[1]):
            if A[i, m] != 0:
                for j in range(B.shape[1]):
                    result[i, j] += A[i, m] * B[m, j]
    return result


@compiled
def transposed_product(A, B):
    """A' B."""
    result = np.zeros((A.shape[1], B.shape[1]))
    for m in range(A.shape[0]):
        for i in range(A.shape[1]):
            if A[m, i] != 0:
                for j in range(B.shape[1]):
                    result[i, j] += A[m, i] * B[m, j]
    return result


@compiled
def quadratic(slopes, H):
    """slopes' H slopes."""
    return transposed_product(slopes, product(H, slopes))


@compiled
def add_sandwich(M, middle, t, total):
    """Add M middle M to total, all (t, t) and symmetric."""
    half = np.zeros((t, t))
    for a in range(t):
        for b in range(t):
            for c in range(t):
                half[a, c] += M[a, b] * middle[b, c]
    for a in range(t):
        for b in range(t):
            for c in range(t):
                total[a, c] += half[a, b] * M[b, c]


@compiled
def order_of(code):
    """The order that sorts integers, equal ones as they stand: merging runs of 1, 2, 4, ..."""
    n = len(code)
    order, merged = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    run = 1
    while run < n:
        for start in range(0, n, 2 * run):
            i, j = start, min(start + run, n)
            end_i, end_j = j, min(start + 2 * run, n)
            for k in range(start, end_j):
                if i < end_i and (j == end_j or code[order[i]] <= code[order[j]]):
                    merged[k] = order[i]
                    i += 1
                else:
                    merged[k] = order[j]
                    j += 1
        order, merged = merged, order
        run *= 2
    return order
