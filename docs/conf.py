"""Sphinx: the pydata theme, and myst-nb, which runs every code cell at build and fails on an error.

Formulas are written in plain characters, so that the pages need nothing from the network to be read.
"""

import wengert

project = "wengert"
author = "The wengert contributors"
copyright = "2026, The wengert contributors"
release = wengert.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build", "jupyter_execute"]
templates_path = ["_templates"]

html_theme = "pydata_sphinx_theme"
html_title = "wengert"
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"**": ["pages.html"]}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_theme_options = {
    "navbar_center": [],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
}

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "image/svg+xml", 5)]  # pictures as pictures; notebooks show them as pages
nb_render_markdown_format = "gfm"
myst_heading_anchors = 3

toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
