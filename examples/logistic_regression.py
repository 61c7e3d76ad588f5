"""Logistic regression on 569 real tumours by Newton's method, with the gradient and the Hessian from one loss.

The result is compared with scikit-learn's own solver on the same objective. Needs scikit-learn:
pip install "wengert[demo]".
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from wengert import grad, hessian

features, benign = load_breast_cancer(return_X_y=True)
features = (features - features.mean(axis=0)) / features.std(axis=0)
signs = 2 * benign - 1  # +1 benign, -1 malignant


def loss(theta):
    """Negative log-likelihood with a ridge of 1/2 on the 30 weights, but not on the intercept."""
    weights, intercept = theta[:-1], theta[-1]
    margins = signs * (features @ weights + intercept)
    return np.sum(np.logaddexp(0, -margins)) + np.sum(weights**2) / 2


theta = np.zeros(features.shape[1] + 1)
for step in range(20):
    gradient = grad(loss)(theta)
    print(f"step {step}: loss {loss(theta):11.6f}, largest entry of the gradient {np.abs(gradient).max():.1e}")
    if np.abs(gradient).max() < 1e-9:
        break
    theta = theta - np.linalg.solve(hessian(loss)(theta), gradient)

accuracy = np.mean((features @ theta[:-1] + theta[-1] > 0) == benign)
reference = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(features, benign)
difference = np.abs(theta - np.append(reference.coef_, reference.intercept_)).max()
print(f"accuracy on the training set {accuracy:.1%}")
print(f"largest difference from scikit-learn's coefficients {difference:.1e}")
assert difference < 1e-4
