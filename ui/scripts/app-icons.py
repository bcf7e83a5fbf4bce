"""Draw the PNG icons of the installed app from public/icon.svg: `.venv/bin/python ui/scripts/app-icons.py`.

They are in git, so that a build needs no browser; run it again when icon.svg changes.
"""

from pathlib import Path

from playwright.sync_api import sync_playwright

PUBLIC = Path(__file__).parents[1] / "public"
SIZES = {"icon-192": 192, "icon-512": 512, "apple-touch-icon": 180}
BADGE = 96
"""Android shows the shape alone, in one colour, in its status bar."""


def main() -> None:
    icon = (PUBLIC / "icon.svg").read_text()
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="1 1 38 38"><path d="M3.6 6.4'
    owl = icon.partition('<path d="M3.6 6.4')[2].partition('"')[0]
    shape = f'{head}{owl}" fill="#fff"/></svg>'
    drawn = [(name, size, icon) for name, size in SIZES.items()]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, size, svg in [*drawn, (f"badge-{BADGE}", BADGE, shape)]:
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(f"<style>*{{margin:0}}svg{{display:block;width:{size}px;height:{size}px}}</style>{svg}")
            page.screenshot(path=PUBLIC / f"{name}.png", omit_background=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
