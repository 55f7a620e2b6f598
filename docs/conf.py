"""The site's settings for Sphinx; `make site` builds it by `python -m benchmarks.site`.

Sphinx, because MkDocs has had no release since August 2024 and its usual theme ends in May 2027.
"""

from docutils import nodes
from sphinx.application import Sphinx

from nworkers import __version__

project = "scale"
author = "The nworkers developers"
release = version = __version__
html_title = f"scale {__version__}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_show_sourcelink = html_copy_source = html_show_sphinx = html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]
# What is indented is what a program prints, in no language.
highlight_language = "none"
# Both have colours that are read on their ground (WCAG AA).
pygments_style = "default"
pygments_dark_style = "native"

# Two hyphens are an option's, not a dash.
smartquotes = False

# Pages read alike on a code host: its anchors of headings, and no syntax but its own.
myst_heading_anchors = 4
myst_heading_slug_func = "github"

# Docstrings: a name in single backticks is code.
default_role = "code"
napoleon_use_ivar = True
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "undoc-members": True}
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True


def _dashes(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A dash between a parameter's name and what it is, for which Sphinx writes two hyphens."""
    for text in list(doctree.findall(lambda node: node == " -- ")):
        text.parent.replace(text, nodes.Text(" – "))


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", _dashes)
