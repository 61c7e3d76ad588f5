"""Looking at a computation and its derivative: pictures and written derivations. The core does not import this room."""
