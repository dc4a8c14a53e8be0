"""The engines that this server offers, and the check of an order against what they can do."""

from shared.engines import Abilities, offered
from shared.errors import SetupError, UnsupportedOptionError
from shared.plugins import ENGINE_ABILITIES, installed, names
from shared.schemas.engines import EngineResource
from shared.schemas.orders import SessionForm
from shared.settings import ApiSettings


class Offer:
    """What can be asked for; SetupError where the default is no engine, or an engine's package is broken."""

    def __init__(self, settings: ApiSettings) -> None:
        self._engines = offered(settings)
        self._default = settings.default_engine
        if self._default not in self._engines:
            raise SetupError(
                f"TRANSCRIPTS_DEFAULT_ENGINE: there is no engine {self._default!r}. Found are "
                f"{names(installed(ENGINE_ABILITIES))}."
            )

    def choose(self, name: str | None) -> Abilities:
        """The engine of that name, or the default; UnsupportedOptionError where it is not offered."""
        engine = self._engines.get(name or self._default)
        if engine is None:
            raise UnsupportedOptionError(
                f"This server has no engine {name!r}; it has {self._names()}. Nothing was stored.",
                field="engine",
            )
        return engine

    def check(self, form: SessionForm) -> None:
        """Raise UnsupportedOptionError where the engine, or the one to fall back on, cannot do what is asked."""
        engine = self.choose(form.engine)
        engine.check(
            language=form.language, model=form.model, speakers=form.speakers, diarization=form.diarization
        )
        self.check_fallback(
            form.fallback_engine,
            engine.name,
            language=form.language,
            speakers=form.speakers,
            diarization=form.diarization,
        )

    def check_fallback(
        self, name: str | None, engine: str, *, language: str | None, speakers: int, diarization: bool
    ) -> None:
        """Raise UnsupportedOptionError where `name` is no other engine that can do the same, by a model of its own."""
        if name is None:
            return
        if name == engine:
            raise UnsupportedOptionError(
                f"The engine to fall back on is {name!r} itself: name another, or none. Nothing was stored.",
                field="fallback_engine",
            )
        try:
            self.choose(name).check(language=language, model=None, speakers=speakers, diarization=diarization)
        except UnsupportedOptionError as error:
            raise UnsupportedOptionError(
                f"The engine to fall back on cannot do this: {error.detail}", field="fallback_engine"
            ) from error

    def resources(self) -> list[EngineResource]:
        """What is offered, the default first."""
        ordered = sorted(self._engines.values(), key=lambda engine: engine.name != self._default)
        return [EngineResource.of(engine, default=engine.name == self._default) for engine in ordered]

    def _names(self) -> str:
        return ", ".join(sorted(self._engines))
