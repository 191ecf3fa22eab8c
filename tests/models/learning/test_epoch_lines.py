from types import SimpleNamespace

from models.learning.epoch_lines import EpochLines


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def epoch(lines: EpochLines, clock: Clock, **trainer) -> None:
    """Ten batches of train and five of val, four seconds each."""
    facts = {"current_epoch": 3, "num_training_batches": 10, "num_val_batches": [5], "is_global_zero": True}
    trainer = SimpleNamespace(**facts | trainer)
    lines.on_train_epoch_start(trainer, None)
    for number in range(10):
        clock.now += 4
        lines.on_train_batch_end(trainer, None, None, None, number)
    lines.on_validation_epoch_start(trainer, None)
    for number in range(5):
        clock.now += 4
        lines.on_validation_batch_end(trainer, None, None, None, number)


def test_the_batches_of_an_epoch_are_printed(capsys):
    clock = Clock()
    epoch(EpochLines(clock), clock)
    assert capsys.readouterr().err.splitlines() == [
        "train, epoch 3: 4 of 10 batches, 0.25 batches/s, 24 s left",
        "val, epoch 3: 4 of 5 batches, 0.25 batches/s, 4 s left",
    ]


def test_a_stream_has_no_number_of_batches(capsys):
    clock = Clock()
    epoch(EpochLines(clock), clock, num_val_batches=[float("inf")])
    assert capsys.readouterr().err.splitlines()[-1] == "val, epoch 3: 4 batches, 0.25 batches/s"


def test_other_ranks_print_nothing(capsys):
    clock = Clock()
    epoch(EpochLines(clock), clock, is_global_zero=False)
    assert not capsys.readouterr().err
