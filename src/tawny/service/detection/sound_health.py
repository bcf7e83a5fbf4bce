"""Whether the sound detection of one camera gets what it needs: audio, and a model that works. Any thread may call."""

from typing import Final

from tawny.config.recognition import AudioSettings
from tawny.detection.sound_classes import SoundModel
from tawny.model.times import Clock

LASTS_S: Final = 60.0
"""Time, s, without audio or a working model after which that is a fault."""
PAUSE_S: Final = 600.0
"""The same of a camera that has sent audio: some send none in silence. It is at least twice the longest pause yet."""
NO_AUDIO: Final = "Sound detection gets no audio from this camera, so it detects no sounds."
NO_AUDIO_DO: Final = (
    "Recording continues. Switch the microphone on in the camera, set its audio to AAC or G.711, or switch sound "
    "detection off."
)
UNNAMED, UNHEARD = "Until then, loud sounds are events without a name.", "Until then, no sounds are detected."


class SoundHealth:
    """silenced_by: the setting that leaves out the camera's audio; empty: none does."""

    def __init__(self, clock: Clock, settings: AudioSettings, silenced_by: str = "") -> None:
        self._clock, self._is_unnamed, self._silenced_by = clock, settings.loud, silenced_by
        self.model: SoundModel | None = None
        """What classifies the sounds; None: nothing."""
        self._sound_s = self._works_s = self._looked_s = clock.mono_s()
        self._lasts_s = LASTS_S

    def on_audio(self) -> None:
        """Note that audio arrives."""
        now_s = self._clock.mono_s()
        self._lasts_s = max(PAUSE_S, self._lasts_s, 2 * (now_s - self._sound_s))
        self._sound_s = now_s

    def look(self, *, is_expected: bool) -> None:
        """Note whether the camera should send now. Called once a second."""
        now_s = self._clock.mono_s()
        if not is_expected:  # this time doesn't count, but what was silent before does
            self._sound_s = min(now_s, self._sound_s + now_s - self._looked_s)
        self._looked_s = now_s
        if not is_expected or not self._model_trouble:
            self._works_s = now_s

    @property
    def trouble(self) -> str:
        """Problem of sound detection with its remedy; empty if none."""
        if self._silence is not None:
            return " ".join(self._silence)
        return f"{self._model_trouble} {self._meanwhile}" if self._model_trouble else ""

    @property
    def fault(self) -> tuple[str, str] | None:
        """Why sound detection has not worked for a while, and what to do."""
        trouble = self._model_trouble
        if self._silence is not None or not trouble or self._clock.mono_s() - self._works_s < LASTS_S:
            return self._silence
        return trouble, f"Recording continues. {self._meanwhile}"

    @property
    def _silence(self) -> tuple[str, str] | None:
        if self._clock.mono_s() - self._sound_s < self._lasts_s:
            return None
        if self._silenced_by:
            do = (
                f"Recording continues. Set `{self._silenced_by} = true` for this camera, or switch sound detection off."
            )
            return NO_AUDIO, do
        return NO_AUDIO, NO_AUDIO_DO

    @property
    def _meanwhile(self) -> str:
        is_refused = getattr(self.model, "refused", None) is not None  # then loud sounds wait for no class
        return UNNAMED if self._is_unnamed or is_refused else UNHEARD

    @property
    def _model_trouble(self) -> str:
        return self.model.trouble if self.model is not None else ""
