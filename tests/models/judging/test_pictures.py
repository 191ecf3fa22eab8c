"""Pictures: what is told of groups that do not occur."""

import numpy as np

from models.judging.pictures import confusion_figure


def test_the_title_counts_only_groups_that_occur():
    figure = confusion_figure(np.array([[3, 1, 0], [0, 0, 0], [1, 0, 1]]), ["young", "middle", "old"], "Clips")
    axes = figure.axes[0]
    assert axes.get_title() == "Clips: macro recall 62.5%, chance 50.0%"
    assert [text.get_text() for text in axes.texts][3:6] == ["–", "–", "–"]
