"""Sphinx's settings for the site. What depends on where the course is published comes from course.site.build."""

project = "Data Science Learning Pathway"
html_title = project
language = "en_GB"
extensions = ["myst_nb", "sphinx-mathjax-offline", "sphinx.ext.githubpages", "course.site.folded"]

# Pages are notebooks that were run by `pathway build`: here nothing is run.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "logo": {"text": project},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "search_bar_text": "Search the course",
    "show_nav_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "back_to_top_button": False,
}
html_context = {"default_mode": "auto"}
html_favicon = "static/icon.svg"
html_static_path = ["static"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False
# Where a menu of the section would have nothing else in it, the page takes its place: the data dictionary has wide tables.
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    **{page: [] for page in ("index", "glossary", "accessibility", "data/index", "data/dictionary")},
}
html_scaled_image_link = False


def setup(app) -> None:
    from pygments.lexers.special import TextLexer

    app.add_lexer("csv", TextLexer)  # for which Pygments has no colours
