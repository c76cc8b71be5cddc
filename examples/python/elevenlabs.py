"""ElevenLabs: an agent, authenticated by two subprotocol entries."""

import json
import os
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

url = f"{os.environ['RELAY_URL']}/elevenlabs?agent_id={os.environ['ELEVENLABS_AGENT_ID']}"
entries = [
    Subprotocol(f"xi-api-key.{os.environ['ELEVENLABS_API_KEY']}"),
    Subprotocol(f"cf-aig-authorization.{os.environ['RELAY_TOKEN']}"),
]
message = {
    "text": "This is a sample text ",
    "voice_settings": {"stability": 0.8, "similarity_boost": 0.8},
    "generation_config": {"chunk_length_schedule": [120, 160, 250, 290]},
}

try:
    with connect(url, subprotocols=entries) as ws:
        print("Connected to server.")
        ws.send(json.dumps(message))
        while True:
            event = json.loads(ws.recv())
            print(event)
            if event["type"] == "audio":
                break
except InvalidStatus as error:
    sys.exit(f"refused with {error.response.status_code}: {error.response.body.decode()}")
except ConnectionClosed as error:
    sys.exit(f"closed too early: {error}")
except OSError as error:
    sys.exit(f"failed: {error}")
print("closed with", ws.close_code)
