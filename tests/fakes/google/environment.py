"""The settings of a worker whose Google is the fake, and commands that run with them."""

import json
import os
import signal
import subprocess
from collections.abc import Sequence

from tests.fakes.google.process import FakeGoogle
from tests.fakes.google.server import Options


def google_settings(google: FakeGoogle, bucket: str = "recordings") -> dict[str, str]:
    """What stands in the environment; the key is of the fake's own account, and its tokens are asked for."""
    return {
        "GOOGLE_PROJECT_ID": "fake-project",
        "GOOGLE_APPLICATION_CREDENTIALS_JSON": json.dumps(google.service_account()),
        "TRANSCRIPTS_GOOGLE_BUCKET": f"gs://{bucket}/speech",
        "TRANSCRIPTS_GOOGLE_SPEECH_ENDPOINT": f"http://{google.speech_target}",
        "TRANSCRIPTS_GCS_ENDPOINT": google.storage_url,
    }


def run_beside(options: Options, command: Sequence[str]) -> int:
    """Run a command that finds the fake in its environment; ends the fake with it and returns its exit code."""
    bucket = options.bucket or "recordings"
    recordings = ["--recordings", str(options.recordings)] if options.recordings else []
    with FakeGoogle(options.state.absolute(), "--bucket", bucket, *recordings) as google:
        child = subprocess.Popen(command, env={**os.environ, **google_settings(google, bucket)})
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the terminal told the command, too: it ends in its own time
                continue
