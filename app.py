"""The web page: record a voice or drop in a clip, and see how old the model thinks it sounds."""

import signal

if __name__ == "__main__":  # until `main` handles it: Ctrl-C during the slow imports would print a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import errno
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pipeline  # noqa: F401 - first: it says what to do if a library is missing

# isort: split
import gradio as gr
from starlette.applications import Starlette

from page.folder import emptied, temporary_folder
from page.guard import Guard
from page.picture import picture
from page.words import FOLDER, label_of, name_of, written
from pipeline.predict import (
    HOP,
    SUFFIXES,
    UNSURE,
    About,
    ModelError,
    Predictor,
    Rejected,
    UserError,
    about_model,
    complaint,
    models_here,
    open_predictor,
    printable,
    run_stage,
    write_examples,
)

LARGEST_UPLOAD = 30 * 1024**2  # bytes in an upload; a minute of stereo at 48 kHz and 24 bits is 17 million
FRAMED = LARGEST_UPLOAD + 10_000  # bytes in the request that carries it
KEPT = 600  # s that a recording is kept for playback
LOOKED_FOR = 60  # s between checks for older ones
WAITING = 20  # people in the queue at most
ENDINGS = (signal.SIGINT, signal.SIGTERM)
THEME = gr.themes.Base(
    primary_hue="teal",
    neutral_hue="stone",
    font=["system-ui", "sans-serif"],  # Gradio's own would come from Google
    font_mono=["ui-monospace", "monospace"],
)


@dataclass(frozen=True)
class Listener:
    """A model on the page."""

    predictor: Predictor
    about: About | None

    def written(self, part: str) -> str:
        """What the page says of it, as HTML: trust, empty or about."""
        config, unsure = self.predictor.config, self.predictor.unsure
        return written(part, about=self.about, config=config, unsure=unsure, minutes=KEPT // 60)

    @property
    def learnt_from_synthetic_voices(self) -> bool:
        return self.about is not None and self.about.is_synthetic


def opened(folders: Sequence[Path]) -> list[Listener]:
    """The models in these folders. Of several, one that cannot be opened is left out, with a line on standard error:
    without a network, the demo's model still answers. Raises the first error if none can.
    """
    listeners, errors = [], []
    for folder in folders:
        try:
            listeners.append(Listener(open_predictor(folder), about_model(folder)))
        except (UserError, ModelError) as error:
            errors.append(error)
    if not listeners:
        raise errors[0]
    for error in errors:
        print(f"app: the page goes without a model: {printable(error)}", file=sys.stderr)
    return listeners


def answering(predictor: Predictor, name_of_model: str = "") -> Callable[..., tuple[str, str | None]]:
    """A function that takes a sound file's path, and its name if it has one. It returns the answer as HTML, and the
    path unless the sound was refused. The answer names the model if it has a name.
    """

    def answer(path: str, name: str = "") -> tuple[str, str | None]:
        since, data = time.perf_counter(), Path(path).read_bytes()
        try:
            prediction = predictor.judge([predictor.hear(data)])[0]
        except Rejected as rejected:
            return refused(name, complaint(rejected)), None
        except ModelError as error:  # the model failed on this recording; it may work on others
            return refused(name, str(error)), None
        logmel, begin, end = predictor.whole_logmel(data)
        html = written(
            "answer",
            prediction=prediction,
            is_unsure=prediction.group == UNSURE,
            unsure=predictor.unsure,
            picture=picture(logmel, HOP, begin, end),
            begin=begin,
            end=end,
            seconds=time.perf_counter() - since,
            name_of_model=name_of_model,
        )
        return html, path

    return answer


def refused(name: str, why: str) -> str:
    return written("refused", name=name, why=why)


def page(listeners: Sequence[Listener], examples: dict[str, Path]) -> gr.Blocks:
    """The page for one model, or for several to choose from; the first is chosen."""
    labels = [label_of(each.about) for each in listeners]
    answers = [answering(each.predictor, name_of(each.about) if len(listeners) > 1 else "") for each in listeners]
    first = listeners[0]
    with gr.Blocks(title="Voice age", analytics_enabled=False) as blocks:
        gr.HTML(written("head"))
        trust = gr.HTML(first.written("trust"), elem_id="trust")
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                model = gr.Radio(
                    labels,
                    value=labels[0],
                    type="index",
                    label="The model that listens",
                    visible=len(listeners) > 1,
                    elem_id="model",
                )
                recording = gr.Audio(
                    label="Your voice", sources=["microphone"], type="filepath", editable=False, buttons=[]
                )
                upload = gr.File(
                    label="Or a sound file: WAV, FLAC, Ogg, MP3, M4A, WebM, AMR, …",
                    file_types=list(SUFFIXES),
                    height=120,
                    elem_id="upload",
                )
                # The bytes show what it is. Gradio itself would make an empty file for each, which nobody deletes.
                upload.preprocess = lambda file: file.path
                refuse_addresses(recording)
                refuse_addresses(upload)
                example = gr.Dataset(
                    label="Or a synthetic voice",
                    components=["textbox"],
                    samples=[[name] for name in examples],
                    visible=first.learnt_from_synthetic_voices,
                )
            with gr.Column(min_width=320):
                said = gr.HTML(first.written("empty"), elem_id="said")
        about = gr.HTML(first.written("about"))
        quietly = {"show_progress": "minimal", "api_visibility": "private"}
        in_turn = quietly | {"concurrency_id": "answers", "concurrency_limit": 1}  # Matplotlib is not thread-safe

        def choose(number: int) -> tuple[str, str, str, None, gr.Dataset]:
            chosen = listeners[number]
            parts = [chosen.written(part) for part in ("trust", "empty", "about")]
            return (*parts, None, gr.Dataset(visible=chosen.learnt_from_synthetic_voices))

        # In turn, so that the answer of the model before does not come after it.
        model.input(choose, model, [trust, said, about, recording, example], **in_turn, trigger_mode="always_last")
        recording.input(lambda path, number: answers[number](path)[0], [recording, model], said, **in_turn)
        recording.clear(lambda number: listeners[number].written("empty"), model, said, **quietly)
        # An upload moves to the player, which leaves room for another.
        upload.upload(
            lambda path, number: (*answers[number](path, Path(path).name), None),
            [upload, model],
            [said, recording, upload],
            **in_turn,
        )
        example.click(
            lambda sample, number: answers[number](str(examples[sample[0]])),
            [example, model],
            [said, recording],
            **in_turn,
        )
    return blocks.queue(max_size=WAITING, api_open=False)  # otherwise a request could jump the queue


def refuse_addresses(component: gr.Component) -> None:
    """Accept uploaded files only: if given a URL, Gradio would fetch it, whatever its size."""
    move = component.async_move_resource_to_block_cache

    async def move_file(path: str) -> str:
        if not Path(path).is_absolute():
            raise gr.Error("Upload a file: URLs are not fetched.", print_exception=False)
        return await move(path)

    component.async_move_resource_to_block_cache = move_file


def arguments() -> argparse.Namespace:
    """Without flags, Gradio's own environment variables say where to listen; Hugging Face Spaces sets them."""
    parser = argparse.ArgumentParser(description=__doc__)
    help_model = "default: the model that was trained here; the pretrained one, if there is none or it knows no people"
    parser.add_argument("--model", type=Path, metavar="DIR", help=help_model)
    host, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="default: %(default)s, this machine only")
    parser.add_argument("--port", type=port_number, default=port, help="default: %(default)s")
    space = [os.environ["SPACE_HOST"]] if "SPACE_HOST" in os.environ else []
    parser.add_argument(
        "--allow-host",
        action="append",
        default=space,
        metavar="NAME",
        help="another name for the page, such as a proxy's; can be given several times",
    )
    return parser.parse_args()


def port_number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port: it must be 1 to 65535")
    return int(text)


@contextmanager
def served(folders: Sequence[Path], host: str, port: int, allowed: Sequence[str] = ()) -> Iterator[str]:
    """Serve the page of the models in `folders`, and yield its address. Uploads are deleted at the end.

    It answers to `host` and to the names in `allowed` (see Guard). Raises UserError if it cannot listen there.
    """
    with temporary_folder() as temporary:
        recordings, voices = temporary / "recordings", temporary / "examples"
        recordings.mkdir()
        voices.mkdir()  # not with the recordings, which are deleted after a while
        os.environ["GRADIO_TEMP_DIR"] = str(recordings)
        blocks = page(opened(folders), write_examples(voices))
        check_free(host, port)
        with emptied(recordings, LOOKED_FOR, KEPT):
            try:
                yield launched(blocks, host, port, allowed)
            finally:
                blocks.close(verbose=False)


def launched(blocks: gr.Blocks, host: str, port: int, allowed: Sequence[str]) -> str:
    """Serve the page and return its address. Raises UserError if that fails."""

    @asynccontextmanager
    async def guarded(server: Starlette) -> AsyncIterator[None]:
        """Put the guard around Gradio's own middleware, before the first request."""
        server.middleware_stack = Guard(server.middleware_stack, host, allowed, FRAMED)
        yield

    try:
        _, address, _ = blocks.launch(
            server_name=f"[{host}]" if ":" in host else host,
            server_port=port,
            share=False,
            ssr_mode=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=LARGEST_UPLOAD,
            footer_links=[],
            theme=THEME,
            js=(FOLDER / "accessible.js").read_text(encoding="utf-8"),
            # not as `css`, which Gradio would rewrite
            head=f"<style>{(FOLDER / 'style.css').read_text(encoding='utf-8')}</style>",
            app_kwargs={"lifespan": guarded},
        )
    except OSError:  # after 5 s; or the port is taken on 127.0.0.1, where Gradio needs it whatever `host` is
        raise UserError(f"the page did not start on {host}, port {port}: try again, or use another --port") from None
    return address


def check_free(host: str, port: int) -> None:
    """Raises UserError if nothing can listen on `host` and `port`."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(place, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} is taken: choose another with --port") from None
        raise UserError(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def end(number: int, _: FrameType | None) -> None:
    """End the server on a signal, with the exit code a shell expects; further signals do not disturb the cleanup."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    chosen = arguments()
    for ending in ENDINGS:  # SIGINT too: a background job inherits it as ignored
        signal.signal(ending, end)
    folders = [chosen.model] if chosen.model else models_here()
    with served(folders, chosen.host, chosen.port, chosen.allow_host) as address:
        print(f"The page is at {address} (Ctrl-C stops it)", flush=True)
        while True:  # one long wait would miss a signal that arrives just before it, or on another thread
            time.sleep(1)


if __name__ == "__main__":
    run_stage(main)
