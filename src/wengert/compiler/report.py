"""What a compiled function tells of itself: its variants, how often each ran, and what ran as plain Python, and why."""

from __future__ import annotations

from collections import Counter
from typing import Any

from wengert.compiler.planning.plan import Called, Nest, Product
from wengert.compiler.programs.program import place


class Report:
    """Printed, or read: `.variants` and `.eager` are its rows."""

    def __init__(self, compiled: Any):
        self.name = getattr(compiled.function, "__name__", "function")
        self.misses = compiled.statistics["misses"]
        self.eager: dict[str, int] = dict(compiled.statistics["reasons"])
        self.variants: list[dict[str, Any]] = []
        for key, variants in compiled.variants.items():
            for variant in variants:
                steps = variant.executable.plan.steps
                self.variants.append(
                    {
                        "arguments": [_argument(part) for part in key[1:]],
                        "guards": [
                            f"{guard.what} {place(guard.line)}: {guard.expected}" for guard in variant.program.guards
                        ],
                        "traced in ms": variant.milliseconds[0],
                        "compiled in ms": variant.milliseconds[1],
                        "hits": variant.hits,
                        "instructions": len(variant.executable.plan.program),
                        "loop nests": sum(isinstance(step, Nest) for step in steps),
                        "products by BLAS": sum(isinstance(step, Product) for step in steps),
                        "called back": dict(
                            Counter(step.call.attributes[0].name for step in steps if isinstance(step, Called))
                        ),
                    }
                )

    def __str__(self) -> str:
        text = [f"{self.name}: {len(self.variants)} variants, {self.misses} misses"]
        for i, row in enumerate(self.variants):
            text.append(f"  variant {i}: ({', '.join(row['arguments'])})")
            text.append(
                f"    {row['hits']} hits; traced in {row['traced in ms']:.1f} ms, compiled in {row['compiled in ms']:.1f} ms"
            )
            text.append(
                f"    {row['instructions']} instructions: {row['loop nests']} loop nests, "
                f"{row['products by BLAS']} products by BLAS"
            )
            for name, count in row["called back"].items():
                text.append(f"    called back: {name}" + (f" ({count} times)" if count > 1 else ""))
            text += [f"    guard: {guard}" for guard in dict.fromkeys(row["guards"])]
        for reason, count in self.eager.items():
            text.append(f"  run eagerly {count} times: {reason}")
        return "\n".join(text)

    __repr__ = __str__


def _argument(part: Any) -> str:
    if isinstance(part, type):
        return part.__name__
    if len(part) == 5:
        _, dtype, shape, layout, writeable = part
        extra = "" if layout is None else f", strides {layout}"
        return f"{dtype}[{', '.join(map(str, shape))}]{extra}" + ("" if writeable else ", read-only")
    return repr(part[1])
