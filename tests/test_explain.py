"""Derivations: what they say is what the sweep computed, and every formula of the table is the primitive's own edge."""

from __future__ import annotations

from wengert import Variable, explain, gradients


def seed():
    a, b = Variable(4.0).set_name("a"), Variable(1.0).set_name("b")
    return (a - b) * (b + 1), a, b


SEED_B = """\
Values, in the order of execution
  a = 4
  b = 1
  v₁ = a - b = 4 - 1 = 3
  v₂ = b + 1 = 1 + 1 = 2
  L = v₁ · v₂ = 3 · 2 = 6

Derivatives of L, from it down
  1. ∂L/∂L = 1                              where the sweep starts
  2. ∂L/∂v₂ = ∂L/∂L · v₁ = 1 · 3 = 3        product rule, from L = v₁ · v₂
  3. ∂L/∂v₁ = ∂L/∂L · v₂ = 1 · 2 = 2        product rule, from L = v₁ · v₂
  4. ∂L/∂b = ∂L/∂v₂ - ∂L/∂v₁ = 3 - 2 = 1    chain rule, the sum over 2 paths
       ∂L/∂v₂ = 3                           sum rule, through v₂ = b + 1
       -∂L/∂v₁ = -2                         difference rule, through v₁ = a - b

Result
  ∂L/∂b = 1.0"""


def last_number(derivation):
    """The number on the last line of the text."""
    return float(str(derivation).splitlines()[-1].partition("=")[2])


def test_the_seeds_graph():
    L, a, b = seed()
    assert str(explain(L, wrt=b)) == SEED_B
    for leaf in (a, b):
        derivation = explain(L, wrt=leaf)
        assert derivation.gradient == gradients(L)[leaf] == last_number(derivation)
