"""The browser in which the course is measured and tested: a Chromium of this machine, steered by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def chromium() -> Iterator:
    """A Chromium, as Playwright's Browser, that asks nothing of the network by itself; without one, Playwright's error.

    `run.py test` says in PATHWAY_CHROMIUM where it is.
    """
    from playwright.sync_api import sync_playwright  # of the tools: who only reads the course does without

    path = os.environ.get("PATHWAY_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        # Its own sandbox does not work for root; what it opens is our own.
        args = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path or "chromium", args=args)
        yield browser
        browser.close()
