"""The room that runs NumPy code at native speed: from a trace to native code. The core does not import it."""
