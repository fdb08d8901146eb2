"""Pages in a real browser: what axe finds against WCAG 2.2 AA, and what they ask of the network."""

from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

SCHEMES = ("light", "dark")
WCAG_22_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]  # axe's tags: each holds what its version added


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280, **context) -> Iterator[tuple[Page, list[str]]]:
    """A page at `address`, with the addresses of all that it asked for beside itself: each was refused.

    `context` is Playwright's, such as color_scheme="dark" or java_script_enabled=False.
    """
    page = browser.new_page(viewport={"width": width, "height": 900}, **context)
    asked = []

    def refuse(route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(lambda url: url.split("#")[0] != address.split("#")[0], refuse)
    page.goto(address)
    yield page, asked
    page.close()


def against_wcag(browser: Browser, address: str, width: int = 1280) -> list[str]:
    """What axe finds against WCAG 2.2 AA on a page, in light and dark, with all that is folded opened: a line for each."""
    found = []
    for scheme in SCHEMES:
        with opened(browser, address, width, color_scheme=scheme) as (page, _):
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            options = {"runOnly": {"type": "tag", "values": WCAG_22_AA}, "resultTypes": ["violations"]}
            response = Axe().run(page, options=options).response
            assert response["passes"], "axe looked at nothing"
            found += [
                f"{scheme}: {violation['id']}: {node['target']}: {node['failureSummary']}"
                for violation in response["violations"]
                for node in violation["nodes"]
            ]
    return found
