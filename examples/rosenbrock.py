"""Rosenbrock's valley in 10 dimensions with `scipy.optimize.minimize`: value and gradient from one function.

BFGS takes `value_and_grad(f)` with `jac=True`; Newton-CG takes Hessian-vector products besides. Needs SciPy:
pip install "wengert[scipy]".
"""

import numpy as np
from scipy.optimize import minimize

from wengert import hvp, value_and_grad


def rosenbrock(x):
    """Zero at (1, ..., 1), at the end of a long curved valley (Rosenbrock 1960)."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


start = np.zeros(10)

bfgs = minimize(value_and_grad(rosenbrock), start, jac=True, method="BFGS", options={"gtol": 1e-8})
newton = minimize(
    value_and_grad(rosenbrock),
    start,
    jac=True,
    hessp=lambda x, direction: hvp(rosenbrock)(x, direction),
    method="Newton-CG",
    options={"xtol": 1e-10},
)

for name, result in (("BFGS", bfgs), ("Newton-CG", newton)):
    distance = np.abs(result.x - 1).max()
    print(f"{name:9}  {result.nit:3} iterations, {result.nfev:3} evaluations, distance from the minimum {distance:.1e}")
    assert distance < 1e-6
