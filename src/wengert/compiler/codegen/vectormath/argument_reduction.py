"""Reduces the arguments of sin, cos and tan by multiples of π/2, without losing digits however large they are.

Moderate arguments: π in several parts (W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980).
Large ones: only those bits of 2/π are multiplied that the fraction of x · 2/π depends on (M. H. Payne and R. N. Hanek,
"Radian reduction for trigonometric functions", 1983).
"""

from __future__ import annotations

import math

from .arithmetic import two_sum
from .coefficients import HALF_PI_BITS, PARTS, TWO_OVER_PI
from .formats import F64
from .writer import INTEGER, Code, Value


def near_limit(code: Code) -> float:
    """Below, `minus_multiple` is exact enough."""
    if code.format.bits == 64:
        return 2.0**28 if code.has_fma else 2.0**19
    return 2.0**15 if code.has_fma else 2.0**13


def minus_multiple(code: Code, x: Value, k: Value, constant: str) -> Value:
    """x - k c for an integer k with |x - k c| <= c / 2, to the last place even where almost nothing is left."""
    if code.has_fma:
        # The first difference is exact: it is a multiple of the last place of x or c and below 2. The others round once each.
        for part in PARTS[constant, code.format.name]:
            x = code.muladd(k, -part, x)
        return x
    *exact, last = PARTS[f"{constant} short", code.format.name]  # products of k with all but the last are exact
    rest, error = x, code.number(0.0)
    for part in exact:
        rest, lost = two_sum(rest, k * -part)
        error = error + lost
    # Where nothing is subtracted the sign of zero stays.
    return code.where(k.equals(0.0), x, rest + (error - k * last))


def far(code: Code, x: Value) -> tuple[Value, Value]:
    """r and n modulo 4 with x = n π/2 + r and |r| <= π/4, for any argument: by a function that is called, not inlined."""
    width, format = code.width, code.format
    vector, integers = code.types["float"], code.types[INTEGER]
    symbol = f"@wg.far.{format.name}x{width}"
    code.definitions |= {"@wg.two_over_pi": _BITS, "@wg.far": _SCALAR, symbol: _each_lane(symbol, code)}
    code.lines.append(f"  %far = call {{ {vector}, {integers} }} {symbol}({vector} {x.name})")
    r = code.emit(f"extractvalue {{ {vector}, {integers} }} %far, 0", "float")
    return r, code.emit(f"extractvalue {{ {vector}, {integers} }} %far, 1", INTEGER)


def _each_lane(symbol: str, code: Code) -> str:
    """The text of a loop over the lanes of a vector."""
    element, integer = code.format.llvm, code.format.integer
    vector, integers, width = code.types["float"], code.types[INTEGER], code.width
    pair, single = f"{{ {vector}, {integers} }}", f"{{ {element}, {integer} }}"
    narrow = code.format.bits == 32
    lane = (
        ("  %wide = fpext float %lane to double\n" if narrow else "  %wide = fadd double %lane, -0.0\n")
        + "  %both = call { double, i64 } @wg.far(double %wide)\n"
        + "  %r0 = extractvalue { double, i64 } %both, 0\n  %n0 = extractvalue { double, i64 } %both, 1\n"
        + ("  %r = fptrunc double %r0 to float\n  %n = trunc i64 %n0 to i32\n" if narrow else "")
    )
    r, n = ("%r", "%n") if narrow else ("%r0", "%n0")
    if width == 1:
        return (
            f"define private {single} {symbol}({element} %lane) noinline cold nounwind willreturn memory(none) {{\n{lane}"
            f"  %p = insertvalue {single} poison, {element} {r}, 0\n  %q = insertvalue {single} %p, {integer} {n}, 1\n"
            f"  ret {single} %q\n}}\n"
        )
    return (
        f"define private {pair} {symbol}({vector} %x) noinline cold nounwind willreturn memory(none) {{\n"
        "entry:\n  br label %loop\nloop:\n"
        "  %i = phi i64 [ 0, %entry ], [ %next, %loop ]\n"
        f"  %rs = phi {vector} [ zeroinitializer, %entry ], [ %rs1, %loop ]\n"
        f"  %ns = phi {integers} [ zeroinitializer, %entry ], [ %ns1, %loop ]\n"
        f"  %lane = extractelement {vector} %x, i64 %i\n{lane}"
        f"  %rs1 = insertelement {vector} %rs, {element} {r}, i64 %i\n"
        f"  %ns1 = insertelement {integers} %ns, {integer} {n}, i64 %i\n"
        f"  %next = add i64 %i, 1\n  %more = icmp ult i64 %next, {width}\n  br i1 %more, label %loop, label %done\ndone:\n"
        f"  %p = insertvalue {pair} poison, {vector} %rs1, 0\n  %q = insertvalue {pair} %p, {integers} %ns1, 1\n"
        f"  ret {pair} %q\n}}\n"
    )


_BITS = (
    f"@wg.two_over_pi = private unnamed_addr constant [{len(TWO_OVER_PI)} x i64] "
    f"[{', '.join(f'i64 {word}' for word in TWO_OVER_PI)}]\n"
)

# x = M 2^e. Of the bits of 2/π those before weight 2^(1-e) add multiples of 4 to the product: the window of 192 bits
# begins there. The upper 128 bits of its product with M are the quadrant (2 bits) and the fraction (126), of which
# cancellation leaves at least 64.
_SCALAR = f"""\
declare i64 @llvm.fshl.i64(i64, i64, i64)
declare i128 @llvm.ctlz.i128(i128, i1)
define private {{ double, i64 }} @wg.far(double %x) noinline cold nounwind willreturn memory(none) {{
  %bits = bitcast double %x to i64
  %shifted = lshr i64 %bits, 52
  %exponent = and i64 %shifted, 2047
  %fraction = and i64 %bits, {2**52 - 1}
  %M = or i64 %fraction, {2**52}
  %start0 = sub i64 %exponent, {1075 - 62}
  %inside = icmp sgt i64 %start0, 0
  %start = select i1 %inside, i64 %start0, i64 0
  %word = lshr i64 %start, 6
  %bit = and i64 %start, 63
  %p0 = getelementptr i64, ptr @wg.two_over_pi, i64 %word
  %p1 = getelementptr i64, ptr %p0, i64 1
  %p2 = getelementptr i64, ptr %p0, i64 2
  %p3 = getelementptr i64, ptr %p0, i64 3
  %t0 = load i64, ptr %p0
  %t1 = load i64, ptr %p1
  %t2 = load i64, ptr %p2
  %t3 = load i64, ptr %p3
  %w0 = call i64 @llvm.fshl.i64(i64 %t0, i64 %t1, i64 %bit)
  %w1 = call i64 @llvm.fshl.i64(i64 %t1, i64 %t2, i64 %bit)
  %w2 = call i64 @llvm.fshl.i64(i64 %t2, i64 %t3, i64 %bit)
  %M128 = zext i64 %M to i128
  %u1 = zext i64 %w1 to i128
  %u2 = zext i64 %w2 to i128
  %m0 = mul i64 %M, %w0
  %m0w = zext i64 %m0 to i128
  %high = shl i128 %m0w, 64
  %middle = mul i128 %M128, %u1
  %low0 = mul i128 %M128, %u2
  %low = lshr i128 %low0, 64
  %sum0 = add i128 %high, %middle
  %sum = add i128 %sum0, %low
  %half = add i128 %sum, {2**125}
  %quadrant = lshr i128 %half, 126
  %n = trunc i128 %quadrant to i64
  %signed = shl i128 %sum, 2
  %below = icmp slt i128 %signed, 0
  %minus = sub i128 0, %signed
  %size = select i1 %below, i128 %minus, i128 %signed
  %odd = or i128 %size, 1
  %zeros = call i128 @llvm.ctlz.i128(i128 %odd, i1 true)
  %normal = shl i128 %odd, %zeros
  %u = lshr i128 %normal, 64
  %product = mul i128 %u, {HALF_PI_BITS}
  %top0 = lshr i128 %product, 65
  %top = trunc i128 %top0 to i64
  %topf = sitofp i64 %top to double
  %count = trunc i128 %zeros to i64
  %power0 = sub i64 {1023 - 62}, %count
  %power1 = shl i64 %power0, 52
  %power = bitcast i64 %power1 to double
  %r = fmul double %topf, %power
  %negative = icmp slt i64 %bits, 0
  %flip = xor i1 %negative, %below
  %rminus = fneg double %r
  %rsigned = select i1 %flip, double %rminus, double %r
  %nminus = sub i64 0, %n
  %nsigned = select i1 %negative, i64 %nminus, i64 %n
  %finite = icmp ult i64 %exponent, 2047
  %result = select i1 %finite, double %rsigned, double {F64.text(math.nan)}
  %pair0 = insertvalue {{ double, i64 }} poison, double %result, 0
  %pair = insertvalue {{ double, i64 }} %pair0, i64 %nsigned, 1
  ret {{ double, i64 }} %pair
}}
"""
