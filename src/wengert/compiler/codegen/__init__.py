"""From a plan to LLVM's intermediate language: kernels in vectors of the machine's width, and what calls them."""
