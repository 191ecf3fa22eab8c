"""The web page: record a voice or drop a clip, and see how old the model takes it to be."""

import signal

if __name__ == "__main__":  # until `main` can tidy up: in the seconds of importing, Ctrl-C would give a traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import errno
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import FrameType

import pipeline  # noqa: F401 - first: it says what to do where a library is missing

# isort: split
import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette

from page.folder import emptied, temporary_folder
from page.guard import Guard
from page.picture import picture
from pipeline.predict import (
    MODEL,
    SUFFIXES,
    UNSURE,
    ModelError,
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
LARGEST_UPLOAD = 30 * 1024**2  # bytes of an upload; a minute of stereo at 48 kHz and 24 bits has 17 million
FRAMED = LARGEST_UPLOAD + 10_000  # bytes of the request that brings it
KEPT = 600  # s that a recording is kept, to be played back
LOOKED_FOR = 60  # s between two looks for what is older
WAITING = 20  # people at most
ENDINGS = (signal.SIGINT, signal.SIGTERM)
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


def answering(predictor: Predictor) -> Callable[..., tuple[str, str | None]]:
    """A function from a sound file's path, and its name if it has one, to HTML that says what is heard in it, and the
    path if anything is.
    """

    def answer(path: str, name: str = "") -> tuple[str, str | None]:
        since, data = time.perf_counter(), Path(path).read_bytes()
        try:
            prediction = predictor.judge([predictor.hear(data)])[0]
        except Rejected as rejected:
            return refused(name, complaint(rejected)), None
        except ModelError as error:  # of a model that fails at this recording, not at every one
            return refused(name, str(error)), None
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


def refused(name: str, why: str) -> str:
    return WRITER.get_template("refused.html.jinja").render(name=name, why=why)


def page(predictor: Predictor, folder: Path, examples: dict[str, Path]) -> gr.Blocks:
    """The page that asks the model in `folder`."""
    answer, about = answering(predictor), about_model(folder)
    empty = WRITER.get_template("empty.html.jinja").render(config=predictor.config)
    with gr.Blocks(title="Voice age", analytics_enabled=False) as blocks:
        gr.HTML(WRITER.get_template("head.html.jinja").render(about=about))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                recording = gr.Audio(
                    label="Your voice", sources=["microphone"], type="filepath", editable=False, buttons=[]
                )
                upload = gr.File(
                    label="Or a sound file: WAV, FLAC, Ogg, MP3, M4A, WebM, AMR, …",
                    file_types=list(SUFFIXES),
                    height=120,
                    elem_id="upload",
                )
                # Its bytes tell what it is; and Gradio would make an empty file for each, which nobody deletes.
                upload.preprocess = lambda file: file.path
                refuse_addresses(recording)
                refuse_addresses(upload)
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
        upload.upload(lambda path: (*answer(path, Path(path).name), None), upload, [said, recording, upload], **in_turn)
        example.click(lambda sample: answer(str(examples[sample[0]])), example, [said, recording], **in_turn)
    return blocks.queue(max_size=WAITING, api_open=False)  # or a request could jump the queue


def refuse_addresses(component: gr.Component) -> None:
    """A question names a file that was uploaded. Were it an address, Gradio would fetch it, whatever its size."""
    move = component.async_move_resource_to_block_cache

    async def move_file(path: str) -> str:
        if not Path(path).is_absolute():
            raise gr.Error("Only what was uploaded is answered.", print_exception=False)
        return await move(path)

    component.async_move_resource_to_block_cache = move_file


def arguments() -> argparse.Namespace:
    """Where no flag says where to listen, Gradio's own variables do, as Hugging Face Spaces sets them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, metavar="DIR", help="default: %(default)s")
    host, port = os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"), os.environ.get("GRADIO_SERVER_PORT", "7860")
    parser.add_argument("--host", default=host, help="default: %(default)s, for this machine alone")
    parser.add_argument("--port", type=port_number, default=port, help="default: %(default)s")
    space = [os.environ["SPACE_HOST"]] if "SPACE_HOST" in os.environ else []
    parser.add_argument(
        "--allow-host",
        action="append",
        default=space,
        metavar="NAME",
        help="another name by which the page is reached, as behind a proxy; can be given several times",
    )
    return parser.parse_args()


def port_number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text} is not a port: 1 to 65535 is allowed")
    return int(text)


@contextmanager
def served(folder: Path, host: str, port: int, allowed: Sequence[str] = ()) -> Iterator[str]:
    """The page of the model in `folder`, at the address that this yields; all that was uploaded goes when it ends.

    It answers to `host` and to the names in `allowed` (see Guard). Raises UserError where nothing can listen there.
    """
    with temporary_folder() as temporary:
        recordings, voices = temporary / "recordings", temporary / "examples"
        recordings.mkdir()
        voices.mkdir()  # not among the recordings, which are deleted in time
        os.environ["GRADIO_TEMP_DIR"] = str(recordings)
        blocks = page(open_predictor(folder), folder, write_examples(voices))
        check_free(host, port)
        with emptied(recordings, LOOKED_FOR, KEPT):
            try:
                yield launched(blocks, host, port, allowed)
            finally:
                blocks.close(verbose=False)


def launched(blocks: gr.Blocks, host: str, port: int, allowed: Sequence[str]) -> str:
    """Serve the page; returns its address. Raises UserError where it cannot be served."""

    @asynccontextmanager
    async def guarded(server: Starlette) -> AsyncIterator[None]:
        """Around all that Gradio itself puts around the page, before the first request."""
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
            js=SPOKEN,
            # as `css`, Gradio would rewrite it
            head=f"<style>{(PAGE / 'style.css').read_text(encoding='utf-8')}</style>",
            app_kwargs={"lifespan": guarded},
        )
    except OSError:  # after 5 s; or the port is taken at 127.0.0.1, where Gradio wants it to be free whatever `host` is
        raise UserError(f"nothing answers at {host}, port {port}: try again, or another port with --port") from None
    return address


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
    with served(chosen.model, chosen.host, chosen.port, chosen.allow_host) as address:
        print(f"The page is at {address} (Ctrl-C ends it)", flush=True)
        while True:  # one long wait would miss a signal that comes just before it, or to another thread
            time.sleep(1)


if __name__ == "__main__":
    run_stage(main)
