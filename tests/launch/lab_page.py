"""What a person does on a page of JupyterLab."""

import re

from playwright.sync_api import Locator, Page

SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"


def menu(page: Page, name: str, entry: str) -> None:
    page.get_by_role("menuitem", name=name, exact=True).first.click()
    page.get_by_role("menuitem", name=re.compile(rf"^\s*{re.escape(entry)}")).first.click()  # a shortcut may follow


def cell_with(page: Page, text: str) -> Locator:
    """The open notebook's cell that holds `text`, scrolled into view: JupyterLab only draws what is near."""
    cell = page.locator(f"{SHOWN} .jp-Cell").filter(has_text=text).first
    scroller = page.locator(f"{SHOWN} .jp-WindowedPanel-outer").first
    scroller.evaluate("panel => panel.scrollTop = 0")
    for _ in range(200):
        if cell.count():
            cell.scroll_into_view_if_needed()
            return cell
        scroller.evaluate("panel => panel.scrollTop += 300")
        page.wait_for_timeout(100)
    raise AssertionError(f"no cell holds {text!r}")


def type_into(page: Page, cell: Locator, source: str) -> None:
    """Write `source` in place of what a cell holds."""
    cell.locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)  # as one paste: the editor would indent what is typed line by line
