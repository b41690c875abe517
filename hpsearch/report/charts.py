"""What all charts share: colours that hold in light and dark and for colour-blind readers, axes, escaped labels."""

import textwrap
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

# After Okabe and Ito (2008), moved to the middle of the lightness scale so that each is seen on white and on black.
BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER, GREY = "#2a84c6", "#d9601a", "#1a9e76", "#b8659a", "#4fb0e5", "#c28a10", "#868e96"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
DASHES = ("solid", "dot", "dash", "dashdot")
CLEAR = "rgba(0,0,0,0)"
GRID = "rgba(128,134,144,0.22)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def label(text: str, width: int = 0) -> str:
    """Text for a plotly label: plotly reads a little HTML there, so it is escaped; long text is wrapped at ``width`` letters.

    >>> label("<b>a & b"), label("label smoothing and mixup", width=16)
    ('&lt;b&gt;a &amp; b', 'label smoothing<br>and mixup')
    """
    lines = textwrap.wrap(text, width) or [""] if width else [" ".join(text.split())]
    return "<br>".join(line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in lines)


def figure(traces: Sequence[go.Figure], height: int, **layout: Any) -> go.Figure:
    """A figure in the page's style: transparent, grey text, legend above, no zooming by accident while scrolling."""
    style: dict[str, Any] = {
        "template": "none",
        "height": height,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": 13, "color": "#7d838c"},
        "margin": {"l": 8, "r": 16, "t": 36, "b": 8, "pad": 4},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yanchor": "bottom", "bgcolor": CLEAR},
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": 13}, "align": "left"},
        "dragmode": False,
    }
    drawn = go.Figure(data=list(traces), layout={**style, **layout})
    drawn.update_xaxes(AXIS)
    drawn.update_yaxes(AXIS)
    return drawn


AXIS: dict[str, Any] = {
    "gridcolor": GRID,
    "zeroline": False,
    "automargin": True,
    "ticks": "",
    "showline": False,
    "tickfont": {"size": 12},
    "title": {"font": {"size": 13}, "standoff": 8},
}


def colour(index: int) -> tuple[str, str]:
    """Colour and dash of the line number ``index``: after six colours the next dash.

    >>> colour(0) == (BLUE, "solid"), colour(7) == (ORANGE, "dot")
    (True, True)
    """
    return PALETTE[index % len(PALETTE)], DASHES[index // len(PALETTE) % len(DASHES)]


def faded(hexadecimal: str, opacity: float) -> str:
    """A colour that lets the ground shine through.

    >>> faded("#2a84c6", 0.2)
    'rgba(42,132,198,0.2)'
    """
    red, green, blue = (int(hexadecimal[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def whiskers(part: pd.DataFrame, colour: str, thickness: float, width: int) -> dict[str, Any]:
    """Error bars from ``low`` to ``high`` round ``difference``; of no length where there is no interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (part["high"] - part["difference"]).fillna(0).tolist(),
        "arrayminus": (part["difference"] - part["low"]).fillna(0).tolist(),
        "color": colour,
        "thickness": thickness,
        "width": width,
    }
