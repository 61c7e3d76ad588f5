"""The seed's regression: 51 parameters fitted to noise by plain gradient descent, with `Variable` and `gradients`.

The training loop is `wengert.demo.regression.train`, twelve lines; this file asks whether its gradient and its result
are right, against two closed forms.
"""

import numpy as np

from wengert import Variable, gradients
from wengert.demo import regression

X, y = regression.data()

# The gradient at a random point, against the formula on paper: dL/dW = 2/n · Xᵀ (XW + b - y).
random = np.random.default_rng(1)
W, b = Variable(random.normal(size=(50, 1))), Variable(random.normal(size=1))
grads = gradients(np.mean((X @ W + b - y) ** 2))
residual = X @ W.val + b.val - y
on_paper = 2 / len(X) * X.T @ residual, 2 * residual.mean(axis=0)
difference = max(np.abs(grads[W] - on_paper[0]).max(), np.abs(grads[b] - on_paper[1]).max())
print(f"gradient against the formula on paper: largest difference {difference:.1e}")
assert difference < 1e-12

# The training run, against the exact minimum by least squares.
fit = regression.train(X, y)
print(f"loss after {len(fit.losses) - 1:,} steps: {fit.losses[-1]:.6f} (exact minimum {fit.least_squares:.6f})")
assert fit.losses[-1] < fit.least_squares * 1.001
