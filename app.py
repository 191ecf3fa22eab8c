"""The web page: record a voice or drop a clip, and see how old the model takes it to be."""

import signal

if __name__ == "__main__":  # until `main` can tidy up: in the seconds of importing, Ctrl-C would give a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import base64
import errno
import io
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pipeline  # noqa: F401 - first: it says what to do where a library is missing

# isort: split
import gradio as gr
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline.predict import (
    MODEL,
    UNSURE,
    Predictor,
    Rejected,
    UserError,
    about_model,
    complaint,
    open_predictor,
    run_stage,
    write_examples,
)

PAGE = Path(__file__).parent / "page"
LARGEST = "30mb"  # of an upload; a minute of stereo at 48 kHz and 24 bits has 17
KEPT = 600  # s that a recording is kept, to be played back
LOOKED_FOR = 60  # s between two looks for what is older
WAITING = 20  # people at most
ENDINGS = (signal.SIGINT, signal.SIGTERM)
QUIET = "#808080"  # reads on light and on dark
NOTHING_ELSEWHERE = (  # all that the page may load, it has from here
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'self' https://huggingface.co"
)
SPOKEN = """() => {
    const said = document.getElementById("said");
    said.setAttribute("role", "status");
    said.setAttribute("aria-live", "polite");
}"""  # so that a screen reader tells the answer when it comes
THEME = gr.themes.Base(
    primary_hue="teal",
    neutral_hue="stone",
    font=["system-ui", "sans-serif"],  # Gradio's own would come from Google
    font_mono=["ui-monospace", "monospace"],
)
WRITER = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined)


class Guarded:
    """Tells the browser, with every answer, to ask nobody else for anything."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: dict) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"content-security-policy", NOTHING_ELSEWHERE.encode()))
            await send(message)

        await self.app(scope, receive, send_guarded)


def answering(predictor: Predictor) -> Callable[[str], tuple[str, str | None]]:
    """A function from a sound file's path to HTML that says what is heard in it, and the path if anything is."""

    def answer(path: str) -> tuple[str, str | None]:
        since, data = time.perf_counter(), Path(path).read_bytes()
        try:
            prediction = predictor.judge([predictor.hear(data)])[0]
        except Rejected as rejected:
            return WRITER.get_template("refused.html.jinja").render(why=complaint(rejected)), None
        logmel, begin, end = predictor.whole_logmel(data)
        html = WRITER.get_template("answer.html.jinja").render(
            prediction=prediction,
            is_unsure=prediction.group == UNSURE,
            unsure=predictor.unsure,
            picture=picture(logmel, predictor.config.front_end.hop, begin, end),
            begin=begin,
            end=end,
            seconds=time.perf_counter() - since,
        )
        return html, path

    return answer


def picture(logmel: np.ndarray, hop: float, begin: float, end: float) -> str:
    """A log-mel (frames, n_mels) with a frame each `hop` s, dim where it was not used, as a PNG in base64."""
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


def page(predictor: Predictor, folder: Path, examples: dict[str, Path]) -> gr.Blocks:
    """The page that asks the model in `folder`."""
    answer, about = answering(predictor), about_model(folder)
    empty = WRITER.get_template("empty.html.jinja").render(config=predictor.config)
    with gr.Blocks(title="Voice age", analytics_enabled=False, delete_cache=(LOOKED_FOR, KEPT)) as blocks:
        gr.HTML(WRITER.get_template("head.html.jinja").render(about=about))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                recording = gr.Audio(
                    label="Your voice", sources=["microphone"], type="filepath", editable=False, buttons=[]
                )
                upload = gr.File(label="Or a sound file", height=120, elem_id="upload")
                example = gr.Dataset(
                    label="Or a synthetic voice", components=["textbox"], samples=[[name] for name in examples]
                )
            with gr.Column(min_width=320):
                said = gr.HTML(empty, elem_id="said")
        gr.HTML(
            WRITER.get_template("about.html.jinja").render(
                config=predictor.config, about=about, unsure=predictor.unsure, minutes=KEPT // 60
            )
        )
        quietly = {"show_progress": "minimal", "api_visibility": "private"}
        in_turn = quietly | {"concurrency_id": "answers", "concurrency_limit": 1}  # Matplotlib is not safe for threads
        recording.input(lambda path: answer(path)[0], recording, said, **in_turn)
        recording.clear(lambda: empty, None, said, **quietly)
        # An upload moves to where it can be played back, and leaves room for another.
        upload.upload(lambda path: (*answer(path), None), upload, [said, recording, upload], **in_turn)
        example.click(lambda sample: answer(str(examples[sample[0]])), example, [said, recording], **in_turn)
    return blocks.queue(max_size=WAITING, api_open=False)  # or a request could jump the queue


def arguments() -> argparse.Namespace:
    """Where no flag says where to listen, Gradio's own variables do, as Hugging Face Spaces sets them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, metavar="DIR", help="default: %(default)s")
    host, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="default: %(default)s, for this machine alone")
    parser.add_argument("--port", type=port_number, default=port, help="default: %(default)s")
    return parser.parse_args()


def port_number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port: 1 to 65535 is allowed")
    return int(text)


@contextmanager
def served(folder: Path, host: str, port: int) -> Iterator[str]:
    """The page of the model in `folder`, at the address that this yields; all that was uploaded goes when it ends.

    Raises UserError where nothing can be served at `host` and `port`.
    """
    with tempfile.TemporaryDirectory(prefix="voice-age-") as temporary:
        recordings, voices = Path(temporary, "recordings"), Path(temporary, "examples")
        recordings.mkdir()
        voices.mkdir()  # not among the recordings, which are deleted in time
        os.environ["GRADIO_TEMP_DIR"] = str(recordings)
        blocks = page(open_predictor(folder), folder, write_examples(voices))
        check_free(host, port)
        try:
            _, address, _ = blocks.launch(
                server_name=f"[{host}]" if ":" in host else host,
                server_port=port,
                share=False,
                ssr_mode=False,
                quiet=True,
                prevent_thread_lock=True,
                max_file_size=LARGEST,
                footer_links=[],
                theme=THEME,
                js=SPOKEN,
                # as `css`, Gradio would rewrite it
                head=f"<style>{(PAGE / 'style.css').read_text(encoding='utf-8')}</style>",
                app_kwargs={"middleware": [Middleware(Guarded)]},
            )
            yield address
        finally:
            blocks.close(verbose=False)


def check_free(host: str, port: int) -> None:
    """Raises UserError where nothing can listen at `host` and `port`."""
    try:
        family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(place, family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} is taken: choose another with --port") from None
        raise UserError(f"cannot listen at {host}, port {port}: {error.strerror}") from None


def end(number: int, _: FrameType | None) -> None:
    """Ends the server on a signal, as a shell would tell it; a second signal does not disturb the clearing up."""
    for ending in ENDINGS:
        signal.signal(ending, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> None:
    chosen = arguments()
    for ending in ENDINGS:  # SIGINT too: a job in the background inherits that it is ignored
        signal.signal(ending, end)
    with served(chosen.model, chosen.host, chosen.port) as address:
        print(f"The page is at {address} (Ctrl-C ends it)", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    run_stage(main)
