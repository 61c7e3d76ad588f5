"""Heat in a rod: differentiating through an ordinary simulation, time loop and in-place updates included.

A rod of three materials starts hot in the middle. From thermometer readings over time, find how well each material
conducts. The simulation is the NumPy code that one would write anyway; `wengert.numpy` is NumPy whose fresh buffers, here
the temperature, may hold derivatives. These are checked against finite differences, and then used by Gauss and Newton's
method to find the conductivities.
"""

import wengert.numpy as np
from wengert import grad, jacobian

CELLS, STEPS = 60, 400
DX, DT = 1 / CELLS, 5e-5
LAYER = np.arange(CELLS - 1) * 3 // (CELLS - 1)  # which of the three materials lies between two neighbouring cells
THERMOMETERS = [8, 20, 30, 40, 52]


def simulate(conductivity, initial):
    """Readings of shape (times, thermometers): explicit finite volumes with insulated ends."""
    temperature = np.zeros(CELLS)
    temperature[:] = initial
    kappa = conductivity[LAYER]
    readings = []
    for step in range(STEPS):
        flow = kappa * (temperature[1:] - temperature[:-1]) * (DT / DX**2)
        temperature[:-1] += flow
        temperature[1:] -= flow
        if step % 20 == 19:
            readings.append(temperature[THERMOMETERS])
    return np.stack(readings)


truth = np.array([1.0, 0.4, 2.0])
middle_hot = np.exp(-(((np.arange(CELLS) + 0.5) * DX - 0.5) ** 2) / 0.02)
noise = np.random.default_rng(0).normal(scale=1e-3, size=(STEPS // 20, len(THERMOMETERS)))
measured = simulate(truth, middle_hot) + noise


def misfit(conductivity, initial):
    return np.sum((simulate(conductivity, initial) - measured) ** 2)


# 1. The gradient through 400 steps, to the conductivities and to the whole initial temperature.
guess = np.array([1.0, 1.0, 1.0])
exact = np.concatenate(grad(misfit, argnums=(0, 1))(guess, middle_hot))
both = np.concatenate([guess, middle_hot])
step = 1e-6
differences = np.array(
    [
        (misfit(*np.split(both + step * unit, [3])) - misfit(*np.split(both - step * unit, [3]))) / (2 * step)
        for unit in np.eye(len(both))
    ]
)
error = np.abs(exact - differences).max() / np.abs(exact).max()
print(f"gradient of the misfit, {len(both)} entries, against central differences: relative error {error:.1e}")
assert error < 1e-6


# 2. The conductivities from the readings, by their logarithms, which keeps them positive. `jacobian` goes forward here:
# there are three inputs and 100 outputs.
def readings(logarithms):
    return simulate(np.exp(logarithms), middle_hot)


logarithms = np.log(guess)
for iteration in range(5):
    residual = (readings(logarithms) - measured).ravel()
    size = np.sqrt(np.mean(residual**2))
    print(f"iteration {iteration}: conductivities {np.exp(logarithms).round(4)}, root mean square residual {size:.5f}")
    logarithms = logarithms - np.linalg.lstsq(jacobian(readings)(logarithms).reshape(-1, 3), residual)[0]
found = np.exp(logarithms)
print(f"found {found.round(3)}, true {truth}, with thermometers that err by 0.001")
assert np.abs(found - truth).max() < 0.02
