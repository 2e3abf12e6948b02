"""Draws `rooms.svg` from the import contracts in `pyproject.toml`: `python docs/draw_rooms.py`."""

import tomllib
from html import escape
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
PICTURE = PROJECT / "docs" / "rooms.svg"
WIDTH, MARGIN, LINE, LABEL_PX = 960, 16, 24, 190
STYLE = """
.b{fill:#f8fafb;stroke:#9fb3bd}.t{font-weight:600;fill:#10222b}.s{fill:#4a5f69;font-size:12.5px}
.a{stroke:#0e7490;stroke-width:1.8}
@media (prefers-color-scheme:dark){.b{fill:#16232a;stroke:#51656f}.t{fill:#e8f1f4}.s{fill:#a9bcc5}
.a{stroke:#4cc3dd}}
"""


def contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return [contract for contract in found if contract["type"] == "layers"]


def names(layer: str) -> list[str]:
    plain = layer.replace("(", "").replace(")", "").replace(":", "|")
    return [name.strip() for name in plain.split("|")]


def rooms_of(package: str) -> list[str]:
    """The layers inside a package, from the top; a package without a contract has none."""
    for contract in contracts():
        if contract.get("containers") == [package]:
            return [", ".join(names(layer)) for layer in contract["layers"]]
    return []


def drawn() -> str:
    (house,) = (contract for contract in contracts() if not contract.get("containers"))
    parts: list[str] = []
    y = MARGIN
    for number, layer in enumerate(house["layers"]):
        if number:
            parts.append(f'<path class="a" d="M{WIDTH / 2} {y - 14}v10" marker-end="url(#h)"/>')
        y = _floor(parts, names(layer), y) + 18
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-size="14" '
        'font-family="Inter,system-ui,sans-serif"><title>Who may import whom</title>'
        f"<style>{STYLE}</style>"
        '<defs><marker id="h" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" '
        'orient="auto"><path d="M0 0 8 4 0 8z" fill="#0e7490"/></marker></defs>'
        f"{''.join(parts)}</svg>\n"
    )


def _floor(parts: list[str], packages: list[str], y: int) -> int:
    """One layer: its packages side by side. Returns where it ends."""
    width = (WIDTH - MARGIN * (len(packages) + 1)) // len(packages)
    chars = (width - 20) // 7
    texts = [_lines(package, chars) for package in packages]
    height = 34 + LINE * max(map(len, texts))
    for place, (package, lines) in enumerate(zip(packages, texts, strict=True)):
        x = MARGIN + place * (width + MARGIN)
        parts.append(
            f'<rect class="b" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>'
            f'<text class="t" x="{x + 12}" y="{y + 23}">{escape(package)}</text>'
        )
        parts += [
            f'<text class="s" x="{x + 12}" y="{y + 23 + LINE * (row + 1)}">{escape(line)}</text>'
            for row, line in enumerate(lines)
        ]
    return y + height


def _lines(package: str, chars: int) -> list[str]:
    """The rooms of a package as lines of text: a later layer stands behind an arrow."""
    lines = [""]
    for number, layer in enumerate(rooms_of(package)):
        word = f"→ {layer}" if number else layer
        if lines[-1] and len(lines[-1]) + len(word) > chars:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [line for line in lines if line]


if __name__ == "__main__":
    PICTURE.write_text(drawn())
