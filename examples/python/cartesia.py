"""Cartesia: text to speech, authenticated by a subprotocol entry and the query."""

import json
import os
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

query = f"cartesia_version=2024-06-10&api_key={os.environ['CARTESIA_API_KEY']}"
url = f"{os.environ['RELAY_URL']}/cartesia?{query}"
entries = [Subprotocol(f"cf-aig-authorization.{os.environ['RELAY_TOKEN']}")]
message = {
    "model_id": "sonic",
    "transcript": "Hello, world! I'm generating audio on ",
    "voice": {"mode": "id", "id": "a0e99841-438c-4a64-b679-ae501e7d6091"},
    "language": "en",
    "context_id": "happy-monkeys-fly",
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 8000},
    "add_timestamps": True,
    "continue": True,
}

try:
    with connect(url, subprotocols=entries) as ws:
        print("Connected to server.")
        ws.send(json.dumps(message))
        while True:
            event = json.loads(ws.recv())
            print(event)
            if event["type"] == "chunk":
                break  # with "continue", no "done" ever comes
except InvalidStatus as error:
    sys.exit(f"refused with {error.response.status_code}: {error.response.body.decode()}")
except ConnectionClosed as error:
    sys.exit(f"closed too early: {error}")
except OSError as error:
    sys.exit(f"failed: {error}")
print("closed with", ws.close_code)
