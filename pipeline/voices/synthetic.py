"""A synthetic voice: a glottal source, a vocal tract, and what age does to both.

Source and filter are Fant's (Acoustic Theory of Speech Production, 1960), as a cascade synthesiser (Klatt, Software for
a cascade/parallel formant synthesizer, JASA 1980). The directions in which age moves a voice follow the literature. The
sizes do not: they are exaggerated, so that the task can be learnt from a few hundred speakers. No figure here describes
people.
"""

from dataclasses import dataclass

import numpy as np
import soxr
from scipy import signal

RATE = 16_000  # Hz, of all sound made here
STEP = 160  # samples between two settings of the vocal tract: 10 ms

# How age shapes a voice: a value at each of these ages, linear between them.
# Pitch: men's falls into the forties, then rises (Hollien & Shipp 1972); women's falls (Linville, Vocal Aging, 2001).
# Tract: grows through the teens (Fitch & Giedd 1999); later in life the oral cavity still lengthens (Xue & Hao 2003).
# Breath, jitter, shimmer and tremor grow, and speech slows down (Linville 2001). The drift of tilt is our own making.
MEAN_AGES = (17, 25, 35, 45, 55, 65)
EFFECTS = {
    ("pitch", "male"): (150.0, 124.0, 114.0, 106.0, 118.0, 134.0),  # Hz
    ("pitch", "female"): (242.0, 226.0, 211.0, 197.0, 184.0, 172.0),  # Hz
    ("tract", "male"): (14.4, 15.2, 16.0, 16.8, 17.7, 18.6),  # cm
    ("tract", "female"): (12.4, 13.1, 13.8, 14.5, 15.3, 16.1),  # cm
    ("breath", "both"): (-32.0, -27.0, -22.0, -17.0, -12.0, -7.0),  # dB of aspiration noise under the voice
    ("tilt", "both"): (3.0, 4.0, 5.0, 6.0, 7.0, 8.0),  # dB the source loses at 3 kHz
    ("jitter", "both"): (0.4, 0.7, 1.2, 2.0, 3.5, 6.0),  # % of a period
    ("shimmer", "both"): (3.0, 5.0, 8.0, 12.0, 18.0, 27.0),  # % of an amplitude
    ("tremor", "both"): (1.0, 3.5, 6.5, 9.5, 12.5, 15.5),  # % of pitch
    ("tempo", "both"): (7.0, 6.0, 5.1, 4.3, 3.6, 3.0),  # syllables/s
}
# How far speakers of one age differ: a standard deviation, as a ratio (0.1: one in three is off by over 10 %) or in dB.
SPREAD = {"pitch": 0.06, "tract": 0.018, "jitter": 0.15, "shimmer": 0.15, "tremor": 0.12, "tempo": 0.06}
SPREAD_DB = {"breath": 2.0, "tilt": 1.0}
TREMOLO = 5  # the tremor of amplitude is this many times that of pitch

# First three formants in Hz of ten American English vowels, men's means (Peterson & Barney 1952), for a tract of 17 cm.
VOWELS = np.array(
    [
        (270, 2290, 3010),
        (390, 1990, 2550),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ],
    dtype=float,
)
UPPER_FORMANTS = (3500.0, 4500.0, 5500.0)  # Hz: odd multiples of c / 4L for a uniform tube of 17 cm
BANDWIDTHS = np.array((70.0, 100.0, 140.0, 200.0, 280.0, 360.0))  # Hz, of all six formants
FRICATIVES = (2800.0, 5200.0)  # Hz: as in "sh" and as in "s"
COLOUR_BANDS = (0, 150, 400, 1000, 2500, 5000, 8000)  # Hz, where the gains of a speaker's microphone and room are set


@dataclass(frozen=True)
class Voice:
    """What stays the same over all clips of one speaker."""

    pitch: float  # Hz
    tract: float  # cm
    breath: float  # dB
    tilt: float  # dB
    jitter: float  # %
    shimmer: float  # %
    tremor: float  # %
    tempo: float  # syllables/s
    tremor_rate: float  # Hz
    colour: tuple[float, ...]  # dB at COLOUR_BANDS


@dataclass(frozen=True)
class Score:
    """What one utterance asks of a voice, at every STEP; all of shape (steps,), except `formants`, (steps, 3)."""

    voicing: np.ndarray  # amplitude, 0 to 1
    melody: np.ndarray  # ratio to the speaker's pitch
    formants: np.ndarray  # Hz, for a tract of 17 cm
    friction: tuple[np.ndarray, ...]  # amplitude, 0 to 1, of noise around each of FRICATIVES


def draw_voice(age: float, sex: str, rng: np.random.Generator) -> Voice:
    """A speaker of that age (years) and sex (`male`, `female`), who differs from others of that age by SPREAD."""
    traits = {}
    for (trait, whose), values in EFFECTS.items():
        if whose in (sex, "both"):
            usual = float(np.interp(age, MEAN_AGES, values))
            if trait in SPREAD_DB:
                traits[trait] = usual + SPREAD_DB[trait] * rng.standard_normal()
            else:
                traits[trait] = usual * float(np.exp(SPREAD[trait] * rng.standard_normal()))
    colour = tuple(2.0 * rng.standard_normal(len(COLOUR_BANDS)))
    return Voice(**traits, tremor_rate=rng.uniform(4, 7), colour=colour)


def speak(voice: Voice, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """One utterance of a second or more, silent at both ends: (samples,) at RATE, root mean square 0.1."""
    steps = round(seconds * RATE / STEP)
    score = compose(voice.tempo, steps, rng)
    source = glottis(voice, score, rng)
    sound = vocal_tract(source, score.formants * 17 / voice.tract, voice.tract)
    sound = sound / np.abs(sound).max() + 0.2 * frication(score, rng)
    sound = signal.fftconvolve(sound, colour_filter(voice.colour), mode="same")
    return 0.1 * sound / np.sqrt(np.mean(sound**2))


def compose(tempo: float, steps: int, rng: np.random.Generator) -> Score:
    """Syllables (a consonant, a vowel) in phrases with pauses between them, at `tempo` syllables/s."""
    voicing, melody, friction = np.zeros(steps), np.ones(steps), np.zeros((2, steps))
    formants = np.tile(VOWELS[-1], (steps, 1))
    second = RATE // STEP
    start, end = int(rng.uniform(0.1, 0.4) * second), steps - int(rng.uniform(0.1, 0.4) * second)
    while start < end - second // 10:
        phrase_end = min(end, start + int(rng.uniform(0.8, 2.0) * second))
        melody[start:phrase_end] = np.linspace(1.12, 0.88, phrase_end - start)
        while start < phrase_end:
            stop = min(start + int(rng.uniform(0.75, 1.25) * second / tempo), phrase_end)
            vowel = start + int(rng.uniform(0.2, 0.4) * (stop - start))
            voicing[vowel:stop] = rng.uniform(0.6, 1.0)
            melody[start:stop] *= rng.uniform(0.93, 1.07)
            formants[start:stop] = rng.choice(VOWELS)
            consonant = rng.choice(["glide", "stop", "fricative"])
            if consonant == "glide":
                voicing[start:vowel] = 0.4
            else:
                noisy = max(start, vowel - 2) if consonant == "stop" else start
                friction[rng.integers(2), noisy:vowel] = rng.uniform(0.3, 1.0)
            start = stop
        start = phrase_end + int(rng.uniform(0.1, 0.8) * second)
    return Score(
        voicing=smooth(voicing, 3),
        melody=smooth(melody, 13),
        formants=np.stack([smooth(track, 9) for track in formants.T], axis=1),
        friction=tuple(smooth(track, 3) for track in friction),
    )


def smooth(track: np.ndarray, width: int) -> np.ndarray:
    """The same track (steps,) gliding from target to target: a Hann window of `width` steps."""
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(track, width // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")


def per_sample(track: np.ndarray) -> np.ndarray:
    """(steps,) to (steps * STEP,), linear in between."""
    return np.interp(np.arange(len(track) * STEP) / STEP, np.arange(len(track)), track)


def glottis(voice: Voice, score: Score, rng: np.random.Generator) -> np.ndarray:
    """The source: a Rosenberg-like flow, differentiated, tilted, with aspiration noise while the glottis is open."""
    voicing = per_sample(score.voicing)
    tremor = np.sin(2 * np.pi * (voice.tremor_rate * np.arange(len(voicing)) / RATE + rng.uniform()))
    f0 = voice.pitch * per_sample(score.melody) * (1 + voice.tremor / 100 * tremor)
    phase = np.cumsum(f0) / RATE
    periods = int(phase[-1]) + 2
    phase = phase + np.interp(phase, np.arange(periods), voice.jitter / 100 * rng.standard_normal(periods))
    period = np.clip(phase.astype(int), 0, periods - 1)
    shimmer = 1 + voice.shimmer / 100 * rng.standard_normal(periods)[period]
    loudness = voicing * shimmer * (1 + min(TREMOLO * voice.tremor / 100, 0.9) * tremor)

    opened = np.clip((phase % 1) / 0.6, 0, 1)  # the glottis is open for 60 % of a period
    flow = 6.75 * opened**2 * (1 - opened)  # peak 1; opens slowly, closes fast
    pulses = np.diff(flow, prepend=0) * RATE / f0 / 4  # the lips radiate the derivative: peak about 1 at any pitch
    pulses = tilted(pulses, voice.tilt)
    breath = np.diff(rng.standard_normal(len(flow)), prepend=0) * (0.4 + flow)
    return loudness * (pulses + 10 ** (voice.breath / 20) * breath)


def tilted(sound: np.ndarray, decibels: float) -> np.ndarray:
    """`sound` through a one-pole low-pass that takes `decibels` off at 3 kHz."""
    loss = 10 ** (max(decibels, 0.1) / 10)
    cos = np.cos(2 * np.pi * 3000 / RATE)
    half = (loss - cos) / (loss - 1)
    pole = half - np.sqrt(half**2 - 1)  # solves |1 - p z|^2 = loss (1 - p)^2
    return signal.lfilter([1 - pole], [1, -pole], sound)


def vocal_tract(source: np.ndarray, formants: np.ndarray, tract: float) -> np.ndarray:
    """`source` (steps * STEP,) through six resonators in cascade, three of which follow `formants` (steps, 3) in Hz."""
    upper = np.tile(np.array(UPPER_FORMANTS) * 17 / tract, (len(formants), 1))
    sections = resonators(np.concatenate([formants, upper], axis=1), BANDWIDTHS)
    state = np.zeros((sections.shape[1], 2))
    sound = np.empty_like(source)
    for step, section in enumerate(sections):
        block = slice(step * STEP, (step + 1) * STEP)
        sound[block], state = signal.sosfilt(section, source[block], zi=state)
    return sound


def resonators(frequencies: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Klatt's digital resonators, gain 1 at 0 Hz, as second-order sections: (steps, n) Hz to (steps, n, 6)."""
    radius = np.exp(-np.pi * bandwidths / RATE)
    a1 = -2 * radius * np.cos(2 * np.pi * np.minimum(frequencies, 7600) / RATE)
    a2 = np.broadcast_to(radius**2, a1.shape)
    zero, one = np.zeros_like(a1), np.ones_like(a1)
    return np.stack([1 + a1 + a2, zero, zero, one, a1, a2], axis=-1)


def frication(score: Score, rng: np.random.Generator) -> np.ndarray:
    """Bursts and fricatives: noise around one frequency each, (steps * STEP,)."""
    sound = np.zeros(len(score.voicing) * STEP)
    for centre, amplitude in zip(FRICATIVES, score.friction, strict=True):
        band = signal.butter(2, (0.75 * centre, 1.3 * centre), "bandpass", fs=RATE, output="sos")
        sound += signal.sosfilt(band, rng.standard_normal(len(sound)) * per_sample(amplitude))
    return sound


def colour_filter(decibels: tuple[float, ...]) -> np.ndarray:
    """A gentle equaliser of 255 taps with those gains at COLOUR_BANDS."""
    return signal.firwin2(255, COLOUR_BANDS, 10 ** (np.array(decibels) / 20), fs=RATE)


def recorded(sound: np.ndarray, sample_rate: int, channels: int, rng: np.random.Generator) -> np.ndarray:
    """`sound` in a noisy room, at a random loudness and at `sample_rate`: (samples, channels)."""
    hum = signal.lfilter([1], [1, -0.7], rng.standard_normal(len(sound)))
    sound = 10 ** (rng.uniform(-17, 0) / 20) * (sound + 10 ** (rng.uniform(-75, -45) / 20) * hum)
    sound = soxr.resample(sound / max(1.0, np.abs(sound).max()), RATE, sample_rate)
    return np.stack([sound * gain for gain in (1.0, 0.9)[:channels]], axis=1)
