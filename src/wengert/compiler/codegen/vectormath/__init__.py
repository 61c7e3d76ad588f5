"""Vector functions (exp, log, sin, ...) as LLVM IR text, at most 4 units in the last place from the exact value.

They run on any machine and need no library and no table in memory beside the bits of 2/π: a kernel calls
them, and LLVM writes them into its loop. `logaddexp` alone is off by more where its two terms cancel, as NumPy's is.
"""

from .library import FUNCTIONS, Declaration, declare

__all__ = ["FUNCTIONS", "Declaration", "declare"]
