"""Card: prints the head of the model card and its scores."""

from pipeline.paths import CARD
from pipeline.stage import run_stage


def main() -> None:
    if not CARD.is_file():
        print("card: there is no evaluation here and nothing to rerun: make pull fetches it")
        return
    text = CARD.read_text(encoding="utf-8")
    head, scores = (
        text.split("\n## What was trained")[0],
        text.split("\n## Scores\n")[1].split("\nA speaker's group")[0],
    )
    print(f"{head.strip()}\n{scores}\nThe whole card: {CARD}")


if __name__ == "__main__":
    run_stage(main)
