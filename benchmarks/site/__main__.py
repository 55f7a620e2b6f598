"""Build the site, any warning of which is an error.

python -m benchmarks.site [build/site]
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.page import ROOT
from benchmarks.site import command_pages, reference_pages
from benchmarks.site.links import broken
from benchmarks.site.navigation import with_trees

COMMANDS = ("Commands", "every command with its options")


def write_source(source: Path) -> None:
    """The pages of docs/ and those that are made from the code, as Sphinx reads them."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs", source)
    made = command_pages.pages() | {p: page.make() for p, page in reference_pages.PAGES.items()}
    for path, text in made.items():
        (source / path).parent.mkdir(exist_ok=True)
        (source / f"{path}.md").write_text(text)
    named = {path: (page.name, page.said) for path, page in reference_pages.PAGES.items()}
    for page in source.glob("*.md"):
        page.write_text(_with_titles(_with_files(page.read_text(), source)))
    index = source / "index.md"
    index.write_text(with_trees(index.read_text(), {"commands/index": COMMANDS, **named}))


def _with_files(page: str, source: Path) -> str:
    """The page with links to files outside docs/ leading to copies of them."""

    def copied(link: re.Match[str]) -> str:
        target = source / "repository" / link[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / link[1], target)
        return f"](repository/{link[1]})"

    return re.sub(r"\]\(\.\./([^)#]+)\)", copied, page)


def _with_titles(page: str) -> str:
    """The page, in which a link that is named after a file has that page's title for its text."""
    return re.sub(r"\[[\w-]+\.md\]\(", "[](", page)


def with_levels(html: str) -> str:
    """The page, in which the navigation's captions say to a screen reader how deep they are."""
    return html.replace('role="heading">', 'role="heading" aria-level="2">')


def main(site: Path) -> int:
    source = site.with_name(f"{site.name}-source")
    write_source(source)
    shutil.rmtree(site, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", f"{source}-read"]
    built = subprocess.run([sys.executable, "-m", "sphinx", *options, source, site], check=False)
    for page in site.rglob("*.html"):
        page.write_text(with_levels(page.read_text()))
    lost = list(broken(site))
    print("\n".join(f"leads nowhere: {line}" for line in lost), end="\n" if lost else "")
    print(f"the site begins at {site / 'index.html'}")
    return 1 if lost else built.returncode


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:2] or ["build/site"])))
