"""Google: the setup of a session, authenticated by a subprotocol entry and the query."""

import json
import os
import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

url = f"{os.environ['RELAY_URL']}/google?api_key={os.environ['GOOGLE_API_KEY']}"
entries = [Subprotocol(f"cf-aig-authorization.{os.environ['RELAY_TOKEN']}")]
message = {
    "setup": {
        "model": "models/gemini-2.0-flash-exp",
        "generationConfig": {"responseModalities": ["TEXT"]},
    },
}

try:
    with connect(url, subprotocols=entries) as ws:
        print("Connected to server.")
        ws.send(json.dumps(message))
        while True:
            event = json.loads(ws.recv())  # Google sends JSON in binary messages
            print(event)
            if "setupComplete" in event:
                break
except InvalidStatus as error:
    sys.exit(f"refused with {error.response.status_code}: {error.response.body.decode()}")
except ConnectionClosed as error:
    sys.exit(f"closed too early: {error}")
except OSError as error:
    sys.exit(f"failed: {error}")
print("closed with", ws.close_code)
