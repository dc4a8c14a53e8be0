"""Starts the fake in a process of its own and controls it, for tests in any style."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Self

import httpx

_ROOT: Final = Path(__file__).parents[3]
Json = dict[str, Any]


class FakeGoogle:
    """A running fake; `restart` and `kill` keep its state and its ports."""

    def __init__(self, state: Path, *arguments: str) -> None:
        """Start it and wait for its ports; `state` is a folder that is made if need be."""
        self._state = state
        self._arguments = arguments
        self.grpc_port = 0
        self.http_port = 0
        self._process = self._start()
        self._http = httpx.Client(base_url=self.storage_url, timeout=300, trust_env=False)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.fakes.google", "--state", str(self._state)),
                *("--grpc-port", str(self.grpc_port), "--http-port", str(self.http_port)),
                *self._arguments,
            ],
            cwd=_ROOT,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fake ended with {process.wait()} before it told its ports")
        ports = json.loads(line)
        self.grpc_port, self.http_port = ports["grpc_port"], ports["http_port"]
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def speech_target(self) -> str:
        """Where an insecure gRPC channel goes: `127.0.0.1:<port>`."""
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def storage_url(self) -> str:
        """The value of STORAGE_EMULATOR_HOST."""
        return f"http://127.0.0.1:{self.http_port}"

    def stop(self) -> None:
        """End it in order and close what is open."""
        self._end(signal.SIGTERM)
        self._http.close()

    def kill(self) -> None:
        """End it like a crash; `start_again` finds everything that it had answered."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait for a fault of kind `exit` to end it; returns the exit code."""
        return self._process.wait(timeout=300)

    def start_again(self) -> None:
        """Start it with the same state on the same ports."""
        self._end(signal.SIGKILL)
        self._process = self._start()

    def _end(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.kill(self._process.pid, number)
            self._process.wait(timeout=300)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def fault(self, on: str, **fields: Any) -> None:
        """Set a fault; the fields are those of `faults.Fault`."""
        self._control("POST", "faults", {"on": on, **fields})

    def clear_faults(self) -> None:
        """From now on all goes well."""
        self._control("DELETE", "faults")

    def settings(self, **changes: Any) -> Json:
        """Change settings; the fields are those of `state.Settings`."""
        settings: Json = self._control("PATCH", "settings", changes)
        return settings

    def script(self, match: str = "", **content: Any) -> None:
        """Set what is heard: `words=[...]` or a recorded `result={...}`, perhaps of one length: `audio_ms=...`."""
        self._control("POST", "scripts", {"match": match, **content})

    def bucket(self, name: str, **fields: Any) -> None:
        """Make a bucket: `location="US"`, `agent=True`."""
        self._control("POST", "buckets", {"name": name, **fields})

    def operations(self) -> list[Json]:
        """Every operation that was ever started."""
        operations: list[Json] = self._control("GET", "operations")
        return operations

    def objects(self, bucket: str) -> list[str]:
        """The names of all objects of a bucket."""
        names: list[str] = self._control("GET", f"objects/{bucket}")
        return names

    def forget(self, operation: str) -> None:
        """Delete an operation, as somebody else may; one that runs goes on and is billed."""
        self._control("POST", f"operations/{operation}/forget")

    def finish(self, operation: str) -> None:
        """End a running operation now."""
        self._control("POST", f"operations/{operation}/finish")

    def ledger(self) -> Json:
        """`rows` and `billed_ms`."""
        ledger: Json = self._control("GET", "ledger")
        return ledger

    def calls(self) -> dict[str, dict[str, int]]:
        """Calls by method and code."""
        calls: dict[str, dict[str, int]] = self._control("GET", "calls")
        return calls

    def service_account(self) -> Json:
        """A service account's key file, whose tokens and signed URLs the fake takes."""
        account: Json = self._control("GET", "service_account")
        return account

    def reset(self) -> None:
        """Forget everything."""
        self._control("POST", "reset")

    def _control(self, method: str, path: str, body: Json | None = None) -> Any:
        response = self._http.request(method, f"/__control/{path}", json=body)
        if response.is_error:
            raise RuntimeError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json() if response.content else None
