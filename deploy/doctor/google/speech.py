"""Speech-to-Text in each location that is set up: it answers us, and has the model; both calls are free."""

from collections.abc import Sequence
from typing import Final

from google.api_core.exceptions import GoogleAPICallError
from google.rpc import code_pb2

from shared.errors import TranscriptsError
from shared.examination.findings import Finding, fail, note, ok
from shared.google.speech import AUTOMATIC, TABLE, with_models
from shared.settings import WorkerSettings
from shared.settings.google import by_comma
from shared.storage.google_identity import Identity
from worker_service.engines.google import capabilities
from worker_service.engines.google.client import CallError, SpeechClient, host

_Code = code_pb2.Code
_DISABLED: Final = "SERVICE_DISABLED"  # google.rpc.ErrorInfo's reason for an API that is off


async def check(settings: WorkerSettings, identity: Identity) -> list[Finding]:
    """A finding for each location, and one for the model; none without a project."""
    project = settings.google_project_id
    if not project:
        return []
    found, table, answered = [], TABLE, []
    for name in by_comma(settings.google_locations):
        client = SpeechClient(project, name, identity, endpoint=settings.google_speech_endpoint)
        try:
            await client.page("", 1)
            table = with_models(table, name, capabilities.models(await client.capabilities()))
        except CallError as error:
            found.append(_refusal(name, project, await _member(identity), error))
        except TranscriptsError as error:
            found.append(fail("Speech", f"{name}: {error.detail}", "See the token above."))
        else:
            answered.append(name)
            models = ", ".join(model.name for model in table[name])
            found.append(ok("Speech", f"{name} answers for {project} and has {models}"))
        finally:
            await client.aclose()
    wanted = settings.google_model
    having = [name for name in answered if any(model.name == wanted for model in table[name])]
    return found if wanted == AUTOMATIC or not answered else [*found, _model(wanted, answered, having)]


def _model(wanted: str, answered: Sequence[str], having: Sequence[str]) -> Finding:
    if having:
        return ok("model", f"{wanted} is in {', '.join(having)}")
    places = [name for name, models in TABLE.items() if any(model.name == wanted for model in models)]
    fix = "TRANSCRIPTS_GOOGLE_MODEL=auto"
    if places:
        fix += f", or one of these in TRANSCRIPTS_GOOGLE_LOCATIONS: {', '.join(places)}"
    return fail("model", f"{', '.join(answered)} of Speech-to-Text has no {wanted}.", fix)


def _refusal(name: str, project: str, account: str, error: CallError) -> Finding:
    cause = error.__cause__
    known = cause if isinstance(cause, GoogleAPICallError) else None
    said = f"{name}: {known.message if known else error.error.detail}"
    if known and known.reason == _DISABLED:
        return fail(
            "Speech", f"The API is off in {project}. {said}", f"{_enable(project)}; then wait some minutes"
        )
    if error.code == _Code.RESOURCE_EXHAUSTED:
        fix = "Lower TRANSCRIPTS_GOOGLE_CALLS_PER_MINUTE, or raise the quota in the console."
        return note("Speech", f"The quota of calls is used up now. {said}", fix)
    detail, fix = _other(name, project, account, error.code)
    return fail("Speech", f"{detail} {said}", fix)


def _other(name: str, project: str, account: str, code: int) -> tuple[str, str]:
    """What a code says of the set-up, and what mends it."""
    grant = f"gcloud projects add-iam-policy-binding {project} --member=serviceAccount:{account}"
    match code:
        case _Code.PERMISSION_DENIED:
            return (
                "Our account may not use it.",
                f"{grant} --role=roles/speech.editor; is the API on? {_enable(project)}",
            )
        case _Code.UNAUTHENTICATED:
            return "Our token is refused.", "Make a new key for the account; see the token."
        case _Code.UNAVAILABLE | _Code.DEADLINE_EXCEEDED:
            where = f"{host(name)}:443 must be reachable: look at firewall, proxy and name resolution."
            return "It cannot be reached.", where
        case _Code.NOT_FOUND | _Code.INVALID_ARGUMENT:
            fix = f"Correct GOOGLE_PROJECT_ID; TRANSCRIPTS_GOOGLE_LOCATIONS takes {', '.join(TABLE)}."
            return "It knows no such project or location.", fix
    return "It does not do what it should.", "Try again; https://status.cloud.google.com tells more."


def _enable(project: str) -> str:
    return f"gcloud services enable speech.googleapis.com --project={project}"


async def _member(identity: Identity) -> str:
    try:
        return await identity.email()
    except TranscriptsError:
        return "ACCOUNT"
