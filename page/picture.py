"""Picture: a log-mel as shown beside an answer."""

import base64
import io

import numpy as np
from matplotlib.figure import Figure

QUIET = "#808080"  # readable on light and on dark


def picture(logmel: np.ndarray, hop: float, begin: float, end: float) -> str:
    """A log-mel (frames, n_mels) with a frame every `hop` s, dimmed where it was not used, as a PNG in base64."""
    figure = Figure(figsize=(4.6, 1.7), layout="constrained")
    axes = figure.subplots()
    seconds = len(logmel) * hop
    place = {"extent": (0, seconds, 0, logmel.shape[1]), "origin": "lower", "aspect": "auto", "cmap": "magma"}
    axes.imshow(logmel.T, alpha=0.25, **place)
    used = axes.imshow(logmel.T, **place)
    used.set_clip_path(axes.axvspan(begin, end, facecolor="none", edgecolor="none"))
    for edge in (begin, min(end, seconds)):
        axes.axvline(edge, color=QUIET, linewidth=1.2)
    axes.set_xlim(0, seconds)
    axes.set_yticks([])
    axes.set_xlabel("seconds", color=QUIET, fontsize=9)
    axes.set_ylabel("frequency", color=QUIET, fontsize=9)
    axes.tick_params(colors=QUIET, labelsize=9)
    axes.spines[:].set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=200, transparent=True, metadata={"Software": None})
    return base64.b64encode(png.getvalue()).decode()
