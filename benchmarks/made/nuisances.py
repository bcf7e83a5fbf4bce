"""What moves and is nobody: insects, rain, snow, webs, wind, shade, light, and cameras that shake or hunt for light."""

from collections.abc import Callable

import cv2
import numpy as np

from benchmarks.made.figures import Picture
from benchmarks.made.film import HEIGHT, WIDTH, Film

_Y, _X = (grid.astype(np.float32) for grid in np.mgrid[0:HEIGHT, 0:WIDTH])
_SHUTTER_S = 0.05


def soft(chance: np.random.Generator, size: float) -> Picture:
    """Smooth chance, mean 0, spread 1."""
    field = cv2.GaussianBlur(chance.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), size)
    return np.asarray((field - field.mean()) / field.std(), np.float32)


def _streak(picture: Picture, a: np.ndarray, b: np.ndarray, thick: float, blur: float, bright: float) -> None:
    """A blurred line, only where it is."""
    margin = int(3 * blur + thick) + 2
    x0, x1 = int(min(a[0], b[0])) - margin, int(max(a[0], b[0])) + margin
    y0, y1 = int(min(a[1], b[1])) - margin, int(max(a[1], b[1])) + margin
    x0, y0, x1, y1 = max(0, x0), max(0, y0), min(WIDTH, x1), min(HEIGHT, y1)
    if x1 <= x0 or y1 <= y0 or (x1 - x0) * (y1 - y0) > WIDTH * HEIGHT:
        return
    spot = np.zeros((y1 - y0, x1 - x0), np.float32)
    ends = [(round(float(p[0]) - x0), round(float(p[1]) - y0)) for p in (a, b)]
    cv2.line(spot, ends[0], ends[1], (1.0,), max(1, round(thick)))
    picture[y0:y1, x0:x1] += cv2.GaussianBlur(spot, (0, 0), max(0.5, blur)) * np.float32(bright)


# --- insects and webs -------------------------------------------------------------------------------------------------


def insects(film: Film, a_second: float, near: tuple[float, float] | None = None, big: float = 1.0) -> None:
    """They fly bent ways for up to three seconds, lit by the lamp: bright, blurred, drawn out by the shutter."""
    t = 0.0
    while t < film.length_s:
        t += film.chance.exponential(1 / a_second)
        film.add(_insect(film.chance, t, near, big))


def _insect(
    chance: np.random.Generator, begin: float, near: tuple[float, float] | None, big: float
) -> Callable[[Picture, float], None]:
    life, thick = chance.uniform(0.3, 1.6), chance.uniform(3, 16) * big
    at = np.array(near or (chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT))) + chance.normal(0, 50, 2)
    speed = chance.normal(0, 230, 2)
    turns, phase, reach = chance.uniform(2, 9, 2), chance.uniform(0, 6, 2), chance.uniform(5, 60, 2)
    bright = chance.uniform(20, 120)

    def where(u: float) -> np.ndarray:
        return np.asarray(at + speed * u + reach * np.sin(turns * u + phase))

    def draw(picture: Picture, t: float) -> None:
        u = t - begin
        if 0 <= u <= life:
            _streak(picture, where(u), where(u - _SHUTTER_S), thick, thick / 2.5, bright)

    return draw


def specks(film: Film, a_second: float, big: float = 1.0) -> None:
    """Insects and dust near the lens that a single frame catches: each is there for one frame, in the lamp's light."""
    chance = film.chance

    def draw(picture: Picture, _t: float) -> None:
        for _ in range(chance.poisson(a_second / film.camera.fps)):
            at, way = chance.uniform((0, 0), (WIDTH, HEIGHT)), chance.normal(0, 1, 2) * chance.uniform(3, 40) * big
            thick = chance.uniform(2, 12) * big
            _streak(picture, at, at + way, thick, thick / 2.5, chance.uniform(30, 130))

    film.add(draw)


def torch(film: Film, begin: float, length_s: float, at: tuple[float, float]) -> None:
    """A torch that somebody waves behind branches: a small light that is often hidden."""
    chance = film.chance
    rates, hidden = chance.uniform(1.5, 5.0, 4), (soft(chance, 4) > 0.1).astype(np.float32)
    bright, thick = chance.uniform(100, 230), chance.uniform(3, 7)

    def draw(picture: Picture, t: float) -> None:
        if not begin <= t <= begin + length_s:
            return
        x = at[0] + 22 * np.sin(rates[0] * t) + 9 * np.sin(rates[1] * 1.9 * t)
        y = at[1] + 12 * np.sin(rates[2] * t) + 5 * np.sin(rates[3] * 1.9 * t)
        spot = np.zeros_like(picture)
        _streak(spot, np.array([x, y]), np.array([x + 2, y]), thick, thick / 3, bright)
        picture += spot * (1 - 0.9 * hidden)

    film.add(draw)


def moth(film: Film, begin: float, length_s: float) -> None:
    """One that circles the lamp for long."""
    chance = film.chance
    middle, reach = np.array([chance.uniform(150, 490), chance.uniform(100, 260)]), chance.uniform(50, 160)
    rates, phases, thick = chance.uniform(2.0, 7.0, 4), chance.uniform(0, 6, 4), chance.uniform(5, 14)

    def where(t: float) -> np.ndarray:
        x = np.sin(rates[0] * t + phases[0]) + 0.5 * np.sin(rates[1] * 1.7 * t + phases[1])
        y = np.sin(rates[2] * t + phases[2]) + 0.5 * np.sin(rates[3] * 1.7 * t + phases[3])
        return np.asarray(middle + reach * np.array([x, 0.7 * y]))

    def draw(picture: Picture, t: float) -> None:
        if begin <= t <= begin + length_s:
            _streak(picture, where(t), where(t - _SHUTTER_S), thick, thick / 2.5, 70)

    film.add(draw)


def web(film: Film) -> None:
    """Threads before the lens that sway in the lamp's light, more in gusts."""
    chance = film.chance
    x, rates = chance.uniform(100, 540), chance.uniform(0.8, 3.0, 3)
    ends = chance.uniform(60, 300, 3)

    def draw(picture: Picture, t: float) -> None:
        gust = 0.4 + 1.2 * max(0.0, np.sin(0.45 * t)) ** 2
        for i in range(3):
            sway = gust * (14 * np.sin(rates[i] * t + i) + 6 * np.sin(3.1 * rates[i] * t))
            foot = np.array([x + 60 * i - 40 + sway, ends[i]])
            _streak(picture, np.array([x + 45 * i, 0.0]), foot, 4, 3.0, 50)

    film.add(draw)


def spider(film: Film, begin: float, length_s: float) -> None:
    """One crawls before the lens, large and out of focus."""
    chance = film.chance
    a, b = np.array([chance.uniform(100, 250), 0.0]), np.array([chance.uniform(350, 520), chance.uniform(200, 300)])

    def draw(picture: Picture, t: float) -> None:
        if begin <= t <= begin + length_s:
            at = a + (b - a) * (t - begin) / length_s + 3 * np.sin(5 * t)
            _streak(picture, at, at + 4, 26, 14.0, 60)

    film.add(draw)


# --- weather ----------------------------------------------------------------------------------------------------------


def rain(film: Film, drops: int, bright: float) -> None:
    """Streaks, elsewhere in each picture; now and then one near the lens."""
    chance = film.chance

    def draw(picture: Picture, _t: float) -> None:
        fall = np.zeros_like(picture)
        for _ in range(drops):
            x, y, n = chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT), chance.uniform(8, 50)
            foot = (round(x - n / 7), round(y + n))
            cv2.line(fall, (round(x), round(y)), foot, (chance.uniform(0.3, 1) * bright,), 1, cv2.LINE_AA)
        picture += fall
        if chance.uniform() < 0.15:
            x = chance.uniform(0, WIDTH)
            _streak(picture, np.array([x, -20.0]), np.array([x - 20, HEIGHT + 20.0]), 5, 3.0, bright)

    film.add(draw)


def snow(film: Film, flakes: int) -> None:
    """Near ones large, fast and blurred, far ones small."""
    chance = film.chance
    near = chance.uniform(0.12, 1, flakes) ** 2
    x, y, phase = chance.uniform(0, WIDTH, flakes), chance.uniform(0, HEIGHT, flakes), chance.uniform(0, 6, flakes)
    bright = 90 if film.is_night else 60

    def draw(picture: Picture, t: float) -> None:
        down = (y + t * HEIGHT * (0.15 + 0.9 * near)) % (HEIGHT + 30) - 15
        across = (x + 30 * near * np.sin(t + phase) + 25 * t * near) % WIDTH
        for i in range(flakes):
            at = np.array([across[i], down[i]])
            _streak(picture, at, at + np.array([0.0, 1 + 12 * near[i]]), 1 + 7 * near[i], 0.6 + 2 * near[i], bright)

    film.add(draw)


def wind(film: Film, reach: float) -> None:
    """Leaves sway by up to so many pixels, in gusts after lulls."""
    chance = film.chance
    phase, rate = 2 * soft(chance, 22), 0.7 + 0.2 * soft(chance, 35)
    mask = cv2.GaussianBlur(np.maximum(film.leaves, (_Y < 60) * np.float32(0.6)), (0, 0), 4)
    first, second, lull = chance.uniform(5, 9), chance.uniform(11, 17), chance.uniform(0, 20)

    def blow(picture: Picture, t: float) -> Picture:
        gust = max(0.0, np.sin(2 * np.pi * (t + lull) / first)) * max(0.2, np.sin(2 * np.pi * (t + lull) / second))
        sway = (np.sin(2 * np.pi * rate * t + phase) * mask * reach * (0.3 + 0.7 * gust)).astype(np.float32)
        return _moved(picture, sway, np.float32(0.4) * sway)

    film.shine(blow)


def leaf_shade(film: Film, above: float) -> None:
    """Hard shadows of leaves on the ground below `above`, swaying in gusts."""
    chance = film.chance
    shadow = (soft(chance, 8) > 0.3).astype(np.float32)
    ground, rates = (above < _Y).astype(np.float32), chance.uniform(0.7, 1.3, 3)

    def shade(picture: Picture, t: float) -> Picture:
        gust = 0.4 + 0.6 * max(0.0, np.sin(0.4 * t))
        dx = gust * (11 * np.sin(rates[0] * t) + 6 * np.sin(2.3 * rates[1] * t + 1))
        moved = _moved(shadow, np.full_like(picture, dx), np.full_like(picture, 4 * gust * np.sin(1.7 * rates[2] * t)))
        dark = np.asarray(cv2.GaussianBlur(moved, (0, 0), 1.5), np.float32) * ground
        return np.asarray(picture * (1 - 0.42 * dark), np.float32)

    film.shine(shade)


def _moved(picture: Picture, dx: Picture, dy: Picture) -> Picture:
    moved = cv2.remap(picture, _X + dx, _Y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.float32)


# --- light ------------------------------------------------------------------------------------------------------------


def gain(film: Film, at: Callable[[float], float]) -> None:
    """All light, times so much; the sensor's range ends at 255."""
    film.shine(lambda picture, t: (picture * np.float32(at(t))).clip(0, 255))


def steps(film: Film, apart_s: float, takes_s: float = 0.3) -> None:
    """Exposure jumps up and down every so often."""
    chance = film.chance
    times = np.cumsum(chance.uniform(0.6, 1.4, 40)) * apart_s
    levels = np.concatenate([[1.0], chance.uniform(0.65, 1.45, 40)])

    def at(t: float) -> float:
        number = int(np.searchsorted(times, t))
        since = t - times[number - 1] if number else 1e9
        share = min(1.0, since / takes_s)
        return float(levels[max(0, number - 1)] + (levels[number] - levels[max(0, number - 1)]) * share)

    gain(film, at)


def white_balance(film: Film, apart_s: float) -> None:
    """Bright and dark parts change by different shares: what a jump of colours, or of contrast, does to brightness."""
    chance = film.chance
    times = np.cumsum(chance.uniform(0.6, 1.4, 40)) * apart_s
    bends = chance.uniform(0.8, 1.25, 41)

    def bend(picture: Picture, t: float) -> Picture:
        number = int(np.searchsorted(times, t))
        return np.asarray(255 * (picture.clip(0, 255) / 255) ** np.float32(bends[number]), np.float32)

    film.shine(bend)


def hunting(film: Film) -> None:
    """An exposure that swings slowly."""
    rates = film.chance.uniform(0.4, 1.2, 2)
    gain(film, lambda t: 1.0 + 0.10 * float(np.sin(rates[0] * t)) + 0.05 * float(np.sin(3 * rates[1] * t)))


def flicker(film: Film) -> None:
    """Bands of a lamp's light run through the picture."""
    rate = film.chance.uniform(0.5, 3.0)
    film.shine(lambda picture, t: picture * (1 + 0.05 * np.sin(_Y / 40 + 2 * np.pi * rate * t)).astype(np.float32))


def headlights(film: Film, apart_s: float) -> None:
    """Beams sweep through the place; posts throw shadows that run with them."""
    chance = film.chance
    begins = np.cumsum(chance.uniform(0.6, 1.4, 40)) * apart_s
    lengths, ways = chance.uniform(1.2, 4.0, 40), chance.choice([-1, 1], 40)
    posts = [(chance.uniform(0, WIDTH), chance.uniform(4, 16)) for _ in range(5)]

    def beam(picture: Picture, t: float) -> Picture:
        for begin, length_s, way in zip(begins, lengths, ways, strict=True):
            u = (t - begin) / length_s
            if 0 <= u <= 1:
                u = u if way > 0 else 1 - u
                middle = (1.5 * u - 0.25) * WIDTH
                lit = np.exp(-(((_X - middle) / 120) ** 2)) * np.exp(-(((_Y - 180) / 120) ** 2))
                for x, wide in posts:
                    lit = lit * (1 - 0.7 * np.exp(-(((_X - x - 0.25 * (x - middle)) / wide) ** 2)))
                picture = np.asarray(picture * (1 + 1.6 * lit) + 10 * lit, np.float32)
        return picture

    film.shine(beam)


def cloud(film: Film, begin: float, end: float) -> None:
    """A shadow's edge crosses the place, and goes again."""
    speed = film.chance.uniform(25, 90)

    def shade(picture: Picture, t: float) -> Picture:
        far = _X + 0.3 * _Y
        dark = 1 / (1 + np.exp(-(far - (t - begin) * speed).clip(-500, 500) / 45))
        back = 1 / (1 + np.exp((far - (t - end) * speed).clip(-500, 500) / 45))
        return np.asarray(picture * (0.6 + 0.4 * (dark + back).clip(0, 1)), np.float32)

    film.shine(shade)


def switches(film: Film, other: Picture, times: tuple[float, ...]) -> None:
    """The camera changes to another picture of the place (infrared), a white one in between, and back."""

    def change(picture: Picture, t: float) -> Picture:
        flips = sum(t >= at for at in times)
        since = min((t - at for at in times if t >= at), default=1e9)
        now = picture if flips % 2 == 0 else other + (picture - film.plate)
        return np.asarray(now * np.float32(1.0 + 1.2 * np.exp(-since / 0.4)), np.float32).clip(0, 255)

    film.shine(change)


# --- the camera -------------------------------------------------------------------------------------------------------


def shakes(film: Film, reach: float) -> None:
    """A pole in the wind: all of the picture sways by so many pixels, in gusts."""
    rates, phases = film.chance.uniform(4, 14, 4), film.chance.uniform(0, 6, 4)

    def sway(picture: Picture, t: float) -> Picture:
        gust = 0.25 + 0.75 * max(0.0, np.sin(0.5 * t)) ** 2
        dx = reach * gust * (np.sin(rates[0] * t + phases[0]) + 0.5 * np.sin(rates[1] * 2 * t + phases[1]))
        dy = 0.6 * reach * gust * (np.sin(rates[2] * t + phases[2]) + 0.5 * np.sin(rates[3] * 2 * t + phases[3]))
        shift = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        moved = cv2.warpAffine(picture, shift, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(moved, np.float32)

    film.shine(sway)


def trunks(film: Film, count: int) -> Picture:
    """0..1 [height, width]: trunks that hide who walks behind them."""
    hidden = np.zeros((HEIGHT, WIDTH), np.float32)
    for x in np.linspace(40, WIDTH - 40, count) + film.chance.uniform(-20, 20, count):
        wide = film.chance.uniform(10, 34)
        hidden[:, int(x) : int(x + wide)] = 1
    hidden[soft(film.chance, 5) > 0.9] = 1
    return hidden


def fence(film: Film) -> Picture:
    """0..1 [height, width]: the bars of a fence, which hide half of who stands behind them."""
    apart, wide = film.chance.uniform(7, 14), film.chance.uniform(0.35, 0.55)
    return np.asarray((_X % apart < wide * apart) & (_Y > 0.25 * HEIGHT), np.float32)
