"""The room that runs NumPy code at native speed. The core does not import it.

A call of a compiled function (`compiled`) goes to machine code (`running`), or, the first time, to a `recording`: the
function is run with arrays that write down what is done with them (`trace`), which gives a program (`programs`). That is
put into loop nests (`planning`), which are written as LLVM's language (`codegen`). Each imports only from those before it in
this order: `programs`; `trace` and `planning`; `codegen`; `running`; the files of this folder.
"""
