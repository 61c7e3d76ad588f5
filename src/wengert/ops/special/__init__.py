"""scipy.special: partials from the DLMF and from the inverse function theorem, one row for each function.

Importing this package declares them all, and needs SciPy; it is imported the first time that a function of SciPy meets a
variable. An argument whose derivative has no closed form (the order of a Bessel function, say) is `unsupported`, so that
a variable there raises an error that names it.
"""

from wengert.ops.special import (  # noqa: F401
    arrays,
    bessel,
    differential_equations,
    distributions,
    elementary,
    elliptic,
    error_functions,
    exponential_integrals,
    gamma_beta,
    hypergeometric,
    incomplete,
    noncentral,
    orthogonal,
)
