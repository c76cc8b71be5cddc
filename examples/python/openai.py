"""OpenAI: text, authenticated by field lines."""

import json
import os
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

url = f"{os.environ['RELAY_URL']}/openai?model=gpt-4o-realtime-preview-2024-12-17"
headers = {
    "cf-aig-authorization": os.environ["RELAY_TOKEN"],
    "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
    "OpenAI-Beta": "realtime=v1",
}
message = {
    "type": "response.create",
    "response": {"modalities": ["text"], "instructions": "Tell me a joke"},
}

try:
    with connect(url, additional_headers=headers) as ws:
        print("Connected to server.")
        ws.send(json.dumps(message))
        while True:
            event = json.loads(ws.recv())
            print(event)
            if event["type"] == "response.done":
                break
except InvalidStatus as error:
    sys.exit(f"refused with {error.response.status_code}: {error.response.body.decode()}")
except ConnectionClosed as error:
    sys.exit(f"closed too early: {error}")
except OSError as error:
    sys.exit(f"failed: {error}")
print("closed with", ws.close_code)
