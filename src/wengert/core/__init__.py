"""The core: variables, linear maps, primitives, sweeps. Read in this order: variable, primitive, sweep, derivatives."""
