"""The admin's shell: names, colours and callbacks for unfold; the hash that lets the colours in."""

from typing import Any

SHADES = {
    "50": (97.9, 0.014),
    "100": (95.0, 0.031),
    "200": (90.1, 0.058),
    "300": (83.0, 0.093),
    "400": (73.5, 0.112),
    "500": (62.5, 0.105),
    "600": (52.5, 0.094),
    "700": (45.5, 0.081),
    "800": (39.4, 0.068),
    "900": (34.3, 0.056),
    "950": (26.5, 0.045),
}
TEAL_HUE = 220

SHELL: dict[str, Any] = {
    "SITE_TITLE": "omibackend",
    "SITE_HEADER": "omibackend",
    "SITE_SUBHEADER": "Webhooks in, nothing lost",
    "SITE_URL": None,
    "SITE_ICON": "omibackend.ops.navigation.icon",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": "omibackend.ops.navigation.icon"}
    ],
    "STYLES": ["omibackend.ops.navigation.style_sheet"],
    "SCRIPTS": ["omibackend.ops.navigation.script"],
    "SHOW_BACK_BUTTON": True,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {
            shade: f"oklch({light}% {chroma} {TEAL_HUE})"
            for shade, (light, chroma) in SHADES.items()
        }
    },
    "DASHBOARD_CALLBACK": "omibackend.ops.home.dashboard",
    "COMMAND": {"search_callback": "omibackend.ops.navigation.find"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": "omibackend.ops.navigation.sidebar",
    },
}
# Of the <style> in which unfold prints the colours above. tests/ops/test_shell.py computes it
# anew: a change of the colours or of unfold shows there.
THEME_HASH = "sha256-3MfHsnhDPLepHmpJ7rzT127u6c+AU81IyNRFuOgw6pQ="
