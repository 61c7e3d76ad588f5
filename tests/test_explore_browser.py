"""The explorer's page in a real browser: what it shows is what NumPy says, and it can be used by everyone."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from browser import chromium, opened

from wengert import Variable, debug, explore, grad, gradients
from wengert.view.explorer.page_data import programmed


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def show(browser, tmp_path):
    """Open the page of a computation: show(f, *args, hash="#step=1", color_scheme="dark", ...)."""

    def of(output, *args, hash="", **options):
        path = explore(output, *args).save(tmp_path / "page.html")
        return opened(browser, path.as_uri() + hash, **options)

    return of


def seed(a, b):
    x = a - b
    y = b + 1
    return x * y


def rule(page):
    return page.inner_text("#rule")


def select(page, node, to=None):
    page.evaluate("hash => { location.hash = hash }", f"#node={node}" + ("" if to is None else f"&to={to}"))
    page.wait_for_function("hash => location.hash.includes(hash)", arg=f"node={node}")


WALK = [
    "5 values will be computed, one at a time. Press → or Play.",
    "a = 4",
    "b = 1",
    "x = a - b = 4 - 1 = 3",
    "y = b + 1 = 1 + 1 = 2",
    "L = x · y = 3 · 2 = 6",
    "∂L/∂L = 1",
    "∂L/∂x += ∂L/∂L · ∂L/∂x = 1 · 2 = 2",
    "∂L/∂y += ∂L/∂L · ∂L/∂y = 1 · 3 = 3",
    "∂L/∂b += ∂L/∂y · ∂y/∂b = 3 · 1 = 3",
    "∂L/∂a += ∂L/∂x · ∂x/∂a = 2 · 1 = 2",
    "∂L/∂b += ∂L/∂x · ∂x/∂b = 2 · (−1) = −2",
    "∂L/∂a = 2, ∂L/∂b = 1",
]


def test_a_walk_forward_and_backward(show):
    with show(seed, 4.0, 1.0) as page:
        page.keyboard.press("Home")
        forward = [rule(page)]
        for _ in WALK[1:]:
            page.keyboard.press("ArrowRight")
            forward.append(rule(page))
        assert forward == WALK
        assert page.is_disabled("#next")
        for expected in reversed(WALK[:-1]):
            page.click("#previous")
            assert rule(page) == expected


def test_the_source_line_is_beside_each_value(show):
    with show(seed, 4.0, 1.0, hash="#step=3") as page:
        assert page.inner_text("#source .now .code").strip() == "x = a - b"
        assert page.inner_text("#source mark") == "a - b"
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")  # the last contribution came through x
        assert page.inner_text("#source mark") == "a - b"


def test_adjoints_grow_as_contributions_arrive(show):
    with show(seed, 4.0, 1.0, hash="#step=9") as page:
        card = page.locator(".element.input", has_text="b").first
        assert "∂L/∂b = 3 …" in card.text_content() and page.inner_text("#sum") == "∂L/∂b = 3 so far, 1 of 2"
        page.keyboard.press("End")
        assert "∂L/∂b = 1" in card.text_content() and "…" not in card.text_content()


def test_play_and_scrub(show):
    with show(seed, 4.0, 1.0, hash="#step=0") as page:
        page.keyboard.press("Space")
        page.wait_for_function("() => document.getElementById('rule').textContent.includes('a - b')")
        assert page.get_attribute("#play", "aria-pressed") == "true"
        page.click("#play")
        page.fill("#scrub", "8")
        assert rule(page) == WALK[8]
        page.click("#middle")
        assert rule(page) == WALK[5]


def helix(t, r, k):
    angle = k * t
    x, y = r * np.cos(angle), r * np.sin(angle)
    return np.log1p(x**2 + 2 * y**2) / (1 + np.exp(-t)) + np.hypot(x, k)


def test_numbers_are_numpys_to_the_last_digit(show):
    arguments = (0.7310, 1.9, 2.25)
    variables = [Variable(x) for x in arguments]
    loss = helix(*variables)
    found = gradients(loss)
    with show(helix, *arguments) as page:
        for node, variable in enumerate(variables):
            select(page, node)
            assert page.inner_text("#node-value") == repr(arguments[node])
            assert page.inner_text("#node-adjoint") == repr(float(found[variable]))
            assert page.inner_text("#node-sum").endswith(f"= {float(found[variable])!r}")
        page.click("text=Keys")  # the dialogue does not lose the selection
        page.keyboard.press("Escape")
        assert page.inner_text("#about").endswith(f"{float(loss.val):.6g}")


@pytest.mark.parametrize("value", [1e-07, 1e16, 1e22, 123456789.0, 5e-324, -0.0, 0.1 + 0.2, np.inf, -np.inf, np.nan])
def test_every_float_is_shown_as_python_writes_it(show, value):
    with show(lambda x, y: x * 1.0 + y, value, 0.0, hash="#node=0") as page:
        assert page.inner_text("#node-value") == repr(float(value))


def test_two_nodes_and_the_paths_between_them(show):
    with show(seed, 4.0, 1.0) as page:
        page.locator(".element", has_text="L = x").click()
        page.locator(".element.input", has_text="b").first.click(modifiers=["Shift"])
        assert page.inner_text("#path-count") == "2 paths"
        written = page.locator("#inspector ol li").all_inner_texts()
        assert [text.split("\n") for text in written] == [
            ["L → x → b", "∂L/∂x · ∂x/∂b", "= 2 · (−1) = −2"],
            ["L → y → b", "∂L/∂y · ∂y/∂b", "= 3 · 1 = 3"],
        ]
        assert page.inner_text("#path-sum") == "∂L/∂b = −2 + 3 = 1.0"
        page.locator("#inspector ol li").first.click()
        assert page.locator(".edge.path").count() == 2
        select(page, 0, 1)
        assert "No derivative flows between them" in page.inner_text("#inspector")


def test_paths_that_are_too_many_to_list_are_counted_and_summed(show):
    def f(x):
        y = x
        for _ in range(60):
            y = 0.5 * y + 0.5 * y
        return np.sin(y)

    with show(f, 0.3, hash="#node=181&to=0") as page:
        assert f"{2**60:,} paths" in page.inner_text("#path-count")
        assert float(page.inner_text("#path-sum").rpartition("= ")[2]) == pytest.approx(np.cos(0.3), rel=1e-15)
        assert "that weigh most" in page.inner_text("#inspector") and page.locator("#inspector ol li").count() == 5


@pytest.mark.parametrize(
    "f",
    [
        lambda x, W: np.sum(np.tanh(W @ x) * x),
        lambda x, W: np.sum((W + x) ** 2 / (1 + x[0] ** 2)),  # broadcast, and an entry taken
        lambda x, W: np.cumsum(x) @ np.sin(W.T @ x) + np.linalg.det(W * x[:, None]),
        lambda x, W: np.sum(np.concatenate([x, np.outer(x, x).ravel()]) ** 3) * np.max(x),
    ],
)
def test_paths_through_arrays_add_up_to_the_jacobian(show, f):
    W = np.array([[0.1, -0.4], [1.3, 0.8]])
    x = np.array([0.7, -1.1])
    with show(f, x, W) as page:
        last = int(re.search(r"(\d+) nodes", page.inner_text("#inspector"))[1]) - 1
        select(page, last, 0)
        assert "the sum over all paths" in page.inner_text("#path-sum")
        assert ", then " in page.inner_text("#inspector ol")
        canvas = page.locator("#inspector canvas[role=application]")
        canvas.focus()
        expected = grad(f)(x, W)
        for i, key in enumerate(["Home", "End"]):
            page.keyboard.press(key)
            shown = float(page.inner_text(".reading").rpartition("= ")[2])
            assert shown == pytest.approx(expected[i], rel=1e-13)


def every_operation(x, y, z):
    """Each operation that the page can run, within its domain for x in (0, 1), y in (1, 3) and any z."""
    one = {
        "arccosh": y, "negative": z, "positive": z, "absolute": z, "fabs": z, "floor": z, "ceil": z, "rint": z, "trunc": z, "cbrt": z,
    }  # fmt: skip
    found = {}
    for name in sorted(programmed()):
        ufunc = getattr(np, name)
        found[name] = ufunc(one.get(name, x)) if ufunc.nin == 1 else ufunc(x if "power" in name else z, y)
    return found


@pytest.mark.parametrize("point", [(0.35, 1.7, -2.6), (0.81, 2.0, 0.5), (0.5, 2.5, 2.5)])
def test_the_pages_own_program_says_what_numpy_says(show, point):
    def total(x, y, z):
        return sum(every_operation(x, y, z).values())

    with np.errstate(all="ignore"):
        variables = [Variable(v) for v in point]
        values = every_operation(*variables)
        loss = sum(values.values())
        found = gradients(loss)
        with show(total, 0.4, 1.5, -1.25) as page:
            assert page.locator("#no-program").count() == 0, page.inner_text("#sliders")
            for node, v in enumerate(point):
                page.fill(f"input[type=number][data-node='{node}']", repr(v))
            for node, variable in enumerate(variables):
                select(page, node)
                assert float(page.inner_text("#node-value")) == point[node]
                assert float(page.inner_text("#node-adjoint")) == pytest.approx(
                    float(found[variable]), rel=1e-12, abs=1e-12
                )
            for symbol, value in zip(page_symbols(page), values.values(), strict=False):
                assert float(symbol) == pytest.approx(float(value.val), rel=1e-12), symbol


def page_symbols(page):
    """The values of the operations, found by name in the page's search."""
    for name in sorted(programmed()):
        page.fill("#query", "v")
        page.fill("#query", name)
        rows = page.locator("#found button").all_inner_texts()
        (row,) = [row for row in rows if f"· {name} (" in row.replace("  ", " ")][:1] or [None]
        assert row is not None, name
        page.locator("#found button").nth(rows.index(row)).click()
        yield page.inner_text("#node-value")


def test_a_slider_moves_values_and_derivatives(show):
    with show(seed, 4.0, 1.0) as page:
        page.fill("#slider-0", "2.5")
        assert page.inner_text("#about") == "L = 3"
        assert rule(page) == "∂L/∂a = 2, ∂L/∂b = −0.5"
        page.fill("input[type=number][data-node='1']", "-3")
        page.fill("#scrub", "3")
        assert rule(page) == "x = a - b = 2.5 - (−3) = 5.5"
        page.click("#reset")
        assert rule(page) == WALK[3]
        assert "branch" in page.inner_text("#sliders")


def test_what_the_page_cannot_run_says_that_it_needs_the_kernel(show):
    with show(lambda x, w: x * np.sum(w), 2.0, np.ones(3)) as page:
        assert "needs the kernel" in page.inner_text("#no-program")
    with show(lambda x: np.where(x > 0, x, 0.0), 2.0) as page:
        assert "where" in page.inner_text("#no-program")


def loop(x, w):
    h = x
    for _ in range(1_700):
        h = np.tanh(h * w + x) - 0.1 * np.sin(h)
    return h


def test_ten_thousand_nodes(show, capsys):
    start = time.perf_counter()
    with show(loop, 0.3, 0.7) as page:
        opened_in = page.evaluate("performance.now()")
        assert page.locator(".element").count() <= 150
        took = page.evaluate(
            """() => { const scrub = document.getElementById("scrub"), start = performance.now();
            for (let k = 0; k < 40; k++) { scrub.value = k * 600; scrub.dispatchEvent(new Event("input")); }
            return (performance.now() - start) / 40; }"""
        )
        page.keyboard.press("Home")
        for _ in range(4):
            page.keyboard.press("ArrowRight")
        assert rule(page).startswith("v₂ = v₁ + x")
    with capsys.disabled():
        print(
            f"\n10,202 nodes: opened after {opened_in:.0f} ms, {took:.1f} ms a scrub, {time.perf_counter() - start:.1f} s in all"
        )


def test_boxes_open_and_close_and_the_address_links_to_a_step(show):
    with show(loop, 0.3, 0.7, hash="#step=0") as page:
        page.uncheck("#follow")
        page.locator(".element.box").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("#trail button").count() == 1
        page.locator(".element.box").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("#trail button").count() == 2
        page.fill("#scrub", "700")
        where, said = page.url, rule(page)
        assert "step=700" in where and "box=" in where
        page.reload()
        page.wait_for_selector("html[data-ready=yes]")
        assert (page.url, rule(page), page.locator("#trail button").count()) == (where, said, 2)
        page.locator(".element").first.focus()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        assert page.locator("#trail button").count() == 0


def test_following_opens_the_box_of_the_step(show):
    with show(loop, 0.3, 0.7, hash="#step=2") as page:
        page.keyboard.press("ArrowRight")
        assert page.locator("#trail button").count() >= 1
        assert page.locator(".element.now").count() == 1


def test_values_that_come_in_together_are_found_in_their_box(show):
    with show(lambda *xs: np.tanh(sum(xs)), *map(float, range(1, 41)), hash="#step=999999") as page:
        page.click("#first")
        page.keyboard.press("ArrowRight")  # the first input is computed: it is in the box of all
        assert (
            "holds" in page.locator(".element.box").first.get_attribute("class") or page.locator(".element.now").count()
        )
        page.fill("#query", "xs₇")
        page.keyboard.press("Enter")
        assert page.inner_text("#inspector .name") == "xs₇" and page.locator(".element.selected").count() == 1


def bad(x, y):
    root = np.sqrt(x)
    return np.sum(np.where(x > 0, root, 0) / y)


def test_search(show):
    with np.errstate(all="ignore"), show(bad, np.array([-1.0, 0.0, 4.0]), np.array([1.0, 0.0, 2.0])) as page:
        for text, names in [
            ("root", {"root"}),
            ("divide", {"v₂"}),
            ("(3,)", {"x", "y", "root", "v₁", "v₂"}),
            ("nan", {"root", "v₂", "L", "y"}),
            ("not finite sqrt", {"root"}),
            ("nothing of the kind", set()),
        ]:
            page.fill("#query", "")
            page.fill("#query", text)
            assert {row.partition(" =")[0] for row in page.locator("#found button").all_inner_texts()} >= names, text
            assert text != "nothing of the kind" or page.inner_text("#found").strip() == "0 nodes"
        page.fill("#query", "root")
        page.keyboard.press("Enter")
        assert page.inner_text("#inspector .name") == "root" and "Not finite" in page.inner_text("#inspector")


def test_heat_maps_are_read_by_keyboard_and_pointer(show):
    x = np.arange(12.0).reshape(3, 4) - 5.5
    with show(lambda x: np.sum(np.sin(x)), x, hash="#node=0") as page:
        page.locator("canvas[role=application]").first.focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert page.locator(".reading").first.inner_text() == f"x[1, 1] = {x[1, 1]}"
        page.keyboard.press("+")
        page.keyboard.press("End")
        assert page.locator(".reading").first.inner_text() == "x[2, 3] = 5.5"
        page.keyboard.press("0")
        page.locator("canvas[role=application]").first.hover(position={"x": 40, "y": 5})
        assert page.locator(".reading").first.inner_text() == f"x[0, 1] = {x[0, 1]}"
        assert "min −5.5, max 5.5, mean 0" in page.inner_text("#inspector")


def test_what_is_not_finite_is_counted_and_patterned(show):
    with np.errstate(all="ignore"), show(bad, np.array([-1.0, 0.0, 4.0]), np.array([1.0, 0.0, 2.0])) as page:
        page.fill("#query", "root")
        page.keyboard.press("Enter")
        assert "not finite: 1 nan (crossed), first at [0]" in page.inner_text("#inspector")
        colours = page.evaluate(
            """() => { const c = document.querySelector("canvas[role=application]"), d = c.getContext("2d").getImageData(0, 0, c.height, c.height).data;
            const seen = new Set(); for (let i = 0; i < d.length; i += 4) seen.add(d[i] > 128 ? "light" : "dark"); return seen.size; }"""
        )
        assert colours == 2


def test_large_arrays_are_sampled_with_a_note(show):
    x = np.linspace(-1, 1, 90_000).reshape(300, 300)
    x[17, 23] = np.nan
    with show(lambda x: np.sum(x * x), x, hash="#node=0") as page:
        said = page.inner_text("#inspector")
        assert "of 90,000 entries" in said and "first at [17, 23]" in said
        page.locator("canvas[role=application]").first.focus()
        page.keyboard.press("End")
        assert page.locator(".reading").first.inner_text() == "x[299, 299] = 1.0"


def test_jacobians_and_patterns_of_linear_maps(show):
    def f(x):
        return np.sum(np.cumsum(x) ** 2)

    with show(f, np.arange(5.0), hash="#node=0") as page:
        page.locator("#contributions summary").click()
        page.wait_for_selector("#contributions details > p")
        assert "Its Jacobian, outputs down, inputs across" in page.inner_text("#inspector")
        page.locator("#contributions canvas[role=application]").first.focus()
        page.keyboard.press("End")
        assert page.locator("#contributions .reading").first.inner_text().endswith("[4, 4] = 1.0")
    with show(f, np.arange(300.0), hash="#node=0") as page:
        page.locator("#contributions summary").click()
        page.wait_for_selector("#contributions details > p")
        assert "45,150 entries (50.2 %) may be nonzero" in page.inner_text("#inspector")
    with show(f, np.arange(3000.0), hash="#node=0") as page:
        page.locator("#contributions summary").click()
        page.wait_for_selector("#contributions details > p")
        assert "too large to be carried" in page.inner_text("#inspector")


def test_by_keyboard_alone(show):
    with show(seed, 4.0, 1.0) as page:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.classList.contains('element')"):
                break
        label = lambda: page.evaluate("document.activeElement.getAttribute('aria-label')")
        first = label()
        assert first == "a = 4, input, derivative 2"
        page.keyboard.press("ArrowDown")
        assert label().startswith("x = 3, subtract")
        page.keyboard.press("ArrowDown")
        assert label().startswith("L = 6, multiply, derivative 1")
        page.keyboard.press("Enter")
        assert page.inner_text("#inspector .name") == "L"
        assert page.text_content("#told") == "Selected L = 6, ∂L/∂L = 1, used 0 times."
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Shift+Enter")
        assert page.text_content("#told").startswith("Paths from L to ") and "1 path." in page.text_content("#told")
        assert page.inner_text("#inspector h2").startswith("Paths from L to ")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.type("y")
        page.keyboard.press("Enter")
        assert page.inner_text("#inspector .name") == "y" and label().startswith("y = 2")
        page.keyboard.press("?")
        assert page.evaluate("document.getElementById('keys').open")


def test_a_screen_reader_is_told(show):
    with show(seed, 4.0, 1.0) as page:
        assert page.get_attribute("#say", "aria-live") == "polite" and page.get_attribute("#say", "role") == "status"
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll("button, input, [role=button], [role=application], canvas, section, nav")]
            .filter((e) => !e.hidden && !e.getAttribute("aria-label") && !e.textContent.trim() && !e.labels?.length && !e.getAttribute("aria-hidden")).map((e) => e.outerHTML)"""
        )
        assert unnamed == []
        page.fill("#scrub", "9")
        assert page.get_attribute("#scrub", "aria-valuetext") == "Backward 3 of 5: sum rule"


def luminance(colour):
    channels = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
    return sum(
        w * (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4)
        for w, c in zip((0.2126, 0.7152, 0.0722), channels)
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_have_contrast(show, scheme):
    with show(seed, 4.0, 1.0, hash="#step=9&node=1", color_scheme=scheme) as page:
        colour = lambda where, what: page.evaluate(
            "([w, p]) => getComputedStyle(document.querySelector(w))[p]", [where, what]
        )
        ground = luminance(colour("body", "backgroundColor"))
        assert (ground > 0.5) == (scheme == "light")
        panel = luminance(colour("aside", "backgroundColor"))
        frame = luminance(colour(".element.gets .frame", "fill"))
        for where, what, behind in [
            ("body", "color", ground),
            (".muted", "color", panel),
            ("#rule", "color", panel),
            (".link", "color", panel),
            (".element .value", "fill", panel),
            (".element .adjoint", "fill", panel),
            (".element.gets .adjoint", "fill", frame),
            (".edge .label", "fill", ground),
            (".note", "color", panel),
        ]:
            ink = luminance(colour(where, what))
            ratio = (max(ink, behind) + 0.05) / (min(ink, behind) + 0.05)
            assert ratio >= 4.5, (where, ratio)


def test_less_motion_for_those_who_ask(show):
    moving = lambda page: page.evaluate("getComputedStyle(document.querySelector('.edge.now path')).animationName")
    with show(seed, 4.0, 1.0, hash="#step=9", reduced_motion="reduce") as page:
        assert moving(page) == "none"
    with show(seed, 4.0, 1.0, hash="#step=9", reduced_motion="no-preference") as page:
        assert moving(page) == "flow"


HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\u2028'\"`${window.hacked = 1}]]>-->",
    "&lt;b&gt;" + "x" * 3000,
]


def test_hostile_names_do_nothing(show):
    names = [Variable(float(i + 1)).set_name(name) for i, name in enumerate(HOSTILE)]
    loss = names[0] * names[1] + np.sin(names[2]) * names[3]

    def quoted(a):
        return a * len("</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>")

    for call in ((loss,), (quoted, 2.0)):
        with show(*call) as page:
            for step in range(12):
                page.fill("#scrub", str(min(step, int(page.get_attribute("#scrub", "max")))))
            for node in range(4 if len(call) == 1 else 1):
                select(page, node)
            page.fill("#query", "<img")
            assert page.evaluate("window.hacked") is None
            assert page.locator("img").count() == 0 and page.locator("script").count() == 2


def test_nothing_else_may_run_or_load(show):
    with show(seed, 4.0, 1.0) as page:
        policy = page.get_attribute("meta[http-equiv]", "content")
        assert "default-src 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize(
    "function, arguments",
    [
        (lambda x: np.linalg.eigh(x)[0].sum(), (np.array([[2.0, 0.5], [0.5, 1.0]]),)),
        (lambda z: np.sum(np.abs(z) ** 2), (np.array([1 + 2j, -0.5j]),)),
        (lambda z: z * 2, (1 + 2j,)),
        (lambda x: np.exp(x), (np.zeros((2, 3)),)),
        (lambda x: x, (np.zeros((0, 3)),)),
        (lambda x: np.sum(x), (np.ones((3, 0)),)),
        (lambda x: x * np.float32(2), (np.float32(0.1),)),
        (lambda x: np.sum(x * 2), (np.arange(24.0).reshape(2, 3, 4).astype(np.float32),)),
        (lambda x: x, (3.0,)),
        (lambda x: np.sum(np.tanh(x.reshape(2, 5, 2, 5))), (np.linspace(0, 1, 100),)),
    ],
)
def test_every_kind_of_value_can_be_looked_at(show, function, arguments):
    with show(function, *arguments) as page:
        count = int(re.search(r"(\d+) node", page.inner_text("#inspector"))[1])
        for node in range(count):
            select(page, node)
            for details in page.locator("#inspector details").all():
                details.locator("summary").click()
        select(page, count - 1, 0)
        page.keyboard.press("Home")
        for _ in range(int(page.get_attribute("#scrub", "max"))):
            page.click("#next")


def test_in_a_notebook_it_is_a_frame_that_tells_its_selection(browser, tmp_path):
    path = tmp_path / "notebook.html"
    script = "<script>addEventListener('message', (e) => { window.told = e.data })</script>"
    path.write_text(f"<!DOCTYPE html>{script}{explore(seed, 4.0, 1.0)._repr_html_()}", encoding="utf-8")
    with opened(browser, path.as_uri()) as page:
        frame = page.frame_locator("iframe")
        frame.locator(".element", has_text="L = x").click()
        page.wait_for_function("() => window.told?.nodes?.length === 1")
        assert page.evaluate("window.told") == {"wengert": "selection", "nodes": [4], "step": 12}
        frame.locator("#previous").click()
        assert frame.locator("#rule").inner_text() == WALK[-2]


def test_the_widget_tells_python_what_is_selected(browser):
    """`widget.js` with a model that stands for the one that anywidget gives it."""
    package = Path(sys.modules["wengert"].__file__).parent
    source = package.joinpath("view", "explorer", "page", "widget.js").read_text(encoding="utf-8")
    page = browser.new_page()
    page.evaluate(
        """([source, html]) => {
            const widget = new Function(source.replace("export default", "return"))();
            const state = { page: html, title: "a page", height: 600, nodes: [], step: 0 };
            window.saved = [];
            const model = { get: (key) => state[key], set: (key, value) => { state[key] = value; },
                            save_changes: () => window.saved.push({ nodes: state.nodes, step: state.step }) };
            window.leave = widget.render({ model, el: document.body });
        }""",
        [source, explore(seed, 4.0, 1.0).html],
    )
    frame = page.frame_locator("iframe")
    frame.locator(".element", has_text="x = a").click()
    frame.locator(".element", has_text="L = x").click(modifiers=["Shift"])
    page.wait_for_function("() => window.saved.at(-1)?.nodes.length === 2")
    assert page.evaluate("window.saved.at(-1)") == {"nodes": [2, 4], "step": 12}
    page.evaluate("() => { leave(); window.saved = []; postMessage({ wengert: 'selection', nodes: [1] }, '*'); }")
    assert page.evaluate("window.saved") == []
    page.close()


def test_an_exact_zero_that_wins_is_said(show):
    with np.errstate(all="ignore"), show(lambda x, y: np.sqrt(x) * y, 0.0, 0.0) as page:
        page.click("#previous")
        assert rule(page) == "∂L/∂x += ∂L/∂v₁ · ∂v₁/∂x = 0 · ∞ = 0"
        assert "An exact zero wins" in page.inner_text("#say .head")


def test_a_debug_report_opens_the_page_at_its_place(browser, tmp_path):
    report = debug(lambda x: np.sum(np.sqrt(x)))(np.array([4.0, 0.0]))
    with opened(browser, report.explore().save(tmp_path / "page.html").as_uri()) as page:
        assert rule(page) == "∂L/∂x += (∂L/∂v₁) / (2 · √x)"
        assert page.inner_text("#inspector .name") == "x" and "1 inf (/), first at [1]" in page.inner_text("#inspector")


GRID = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.0, 2.5, -2.0, 3.0, 0.1, 1e-9, 1e9, -0.3, np.inf, -np.inf, np.nan]


def test_every_row_of_the_pages_program_on_a_grid_with_zeros_infinities_and_nan(browser):
    """Kinks, ties, poles and what is not finite: values and partials are those of the library."""
    source = (
        Path(sys.modules["wengert"].__file__)
        .parent.joinpath("view", "explorer", "page", "program.js")
        .read_text(encoding="utf-8")
    )
    told = {repr(x): {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(x), repr(x)) for x in GRID}
    grid = ", ".join(told.values())
    page = browser.new_page()
    found = page.evaluate(
        f"() => {{ {source}\nconst grid = [{grid}], text = (v) => (Object.is(v, -0) ? '-0' : String(v)), all = {{}};"
        "for (const [name, [value, ...partials]] of Object.entries(OPERATIONS)) { all[name] = [];"
        "for (const x of grid) for (const y of partials.length > 1 ? grid : [undefined]) { const out = value(x, y);"
        "all[name].push([out, ...partials.map((p) => (p ? p(x, y, out) : 0))].map(text)); } } return all; }"
    )
    page.close()
    assert found.keys() == programmed()
    read = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
    wrong = []
    with np.errstate(all="ignore"):
        for name, rows in found.items():
            ufunc = getattr(np, name)
            points = [(x,) for x in GRID] if ufunc.nin == 1 else [(x, y) for x in GRID for y in GRID]
            for point, row in zip(points, rows, strict=True):
                if "power" in name and point[0] == -np.inf:
                    continue  # NumPy's versions differ: some take a root for the exponent 0.5
                leaves = [Variable(x) for x in point]
                node = ufunc(*leaves)
                partials = dict.fromkeys(leaves, 0.0) | dict(node.local_gradients)
                expected = np.array([node.val, *(float(partials[leaf]) for leaf in leaves)])
                shown = np.array([read.get(text, None) if text in read else float(text) for text in row], float)
                if not np.allclose(shown, expected, rtol=1e-13, atol=1e-300, equal_nan=True):
                    wrong.append((name, point, shown.tolist(), expected.tolist()))
    assert wrong == [], "\n".join(map(str, wrong))
