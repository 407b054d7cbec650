"""Whether the codes of two samples come from one distribution: maximum mean discrepancy, or a classifier.

Gretton et al., A Kernel Two-Sample Test, JMLR 13 (2012), arXiv:0805.2368; Lopez-Paz and Oquab, Revisiting Classifier
Two-Sample Tests, arXiv:1610.06545.
"""

import numpy as np
from scipy.spatial.distance import pdist, squareform
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from encdec.monitoring.finding import Array, Finding
from encdec.monitoring.permuted import memberships, observed_membership, p_value
from encdec.params.monitoring import CodesTest
from encdec.report.numbers import significant

ITERATIONS = 2000
DISCREPANCY = "squared maximum mean discrepancy"


def compare_codes(
    name: str, reference: Array, batch: Array, *, test: CodesTest, permutations: int, seed: int
) -> Finding:
    """Codes (N, Z) and (M, Z), each unit scaled by its spread over both."""
    both = scaled(np.concatenate([reference, batch]))
    match test:
        case "mmd":
            return discrepancy(name, both, len(reference), permutations=permutations, seed=seed)
        case "classifier":
            return domain_classifier(name, both, len(reference), seed=seed)


def scaled(codes: Array) -> Array:
    """Mean 0 and standard deviation 1 in each unit; one that never moves stays 0."""
    spread = codes.std(axis=0)
    return np.asarray((codes - codes.mean(axis=0)) / np.where(spread > 0, spread, 1.0))


def discrepancy(name: str, both: Array, reference_rows: int, *, permutations: int, seed: int) -> Finding:
    """Squared MMD with k(x, y) = exp(-|x - y|^2 / (2 s^2)), s the median distance; its p-value permutes the rows.

    MMD^2 = mean k(batch, batch) + mean k(reference, reference) - 2 mean k(batch, reference), all pairs counted.
    """
    batch_rows = len(both) - reference_rows
    squared = pdist(both, "sqeuclidean")
    middle = float(np.median(squared))
    kernel = np.exp(-squareform(squared) / (2 * middle if middle > 0 else 1.0))
    value = float(squared_mmd(observed_membership(reference_rows, batch_rows), kernel)[0])
    chunks = memberships(reference_rows, batch_rows, permutations=permutations, seed=seed)
    permuted = np.concatenate([squared_mmd(chunk, kernel) for chunk in chunks])
    usual = float(permuted.mean())
    told, expected = significant(value, 3), significant(usual, 3)
    return Finding(
        name=name,
        statistic=DISCREPANCY,
        value=value,
        p=p_value(value, permuted),
        effect="MMD² over its mean without a shift",
        size=value / usual if usual > 0 else 1.0,
        reference_rows=reference_rows,
        batch_rows=batch_rows,
        said=f"the squared distance of the two clouds is {told}, and {expected} on average without a shift",
    )


def squared_mmd(sides: Array, kernel: Array) -> Array:
    """(P,) for memberships (P, N + M) and a symmetric kernel (N + M, N + M)."""
    batch_rows = sides[0].sum()
    reference_rows = len(kernel) - batch_rows
    inside = np.einsum("pn,pn->p", sides @ kernel, sides)  # pairs within the batch
    touching = sides @ kernel.sum(axis=1)  # pairs of the batch with anything
    outside = kernel.sum() - 2 * touching + inside
    across = touching - inside
    found: Array = inside / batch_rows**2 + outside / reference_rows**2 - 2 * across / (batch_rows * reference_rows)
    return found


def domain_classifier(name: str, both: Array, reference_rows: int, *, seed: int) -> Finding:
    """A logistic regression learns on one half which rows are the batch's; on the other half it is judged.

    The statistic is the area under the ROC curve, its p-value that of Mann and Whitney on the half not learned from,
    where the scores of rows are independent of each other.
    """
    labels = np.arange(len(both)) >= reference_rows
    learn, judge = train_test_split(np.arange(len(both)), test_size=0.5, random_state=seed, stratify=labels)
    model = LogisticRegression(max_iter=ITERATIONS, class_weight="balanced").fit(both[learn], labels[learn])
    scores, truth = model.decision_function(both[judge]), labels[judge]
    found = mannwhitneyu(scores[truth], scores[~truth], alternative="greater")
    area = float(found.statistic / (truth.sum() * (~truth).sum()))
    return Finding(
        name=name,
        statistic="area under the ROC curve of a domain classifier",
        value=area,
        p=float(found.pvalue),
        effect="area above chance",
        size=area - 0.5,
        reference_rows=reference_rows,
        batch_rows=len(both) - reference_rows,
        said=f"a classifier tells a row of the batch from a known one in {100 * area:.1f} % of pairs (50 % is chance)",
    )
