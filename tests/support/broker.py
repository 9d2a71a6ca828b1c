"""A virtual host of a real RabbitMQ, made and looked at through its management API."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit


@dataclass(frozen=True)
class Broker:
    api: str
    name: str
    url: str

    def make(self) -> None:
        self.call("PUT", f"/api/vhosts/{self.name}")
        user = urlsplit(self.url).username or ""
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.call("PUT", f"/api/permissions/{self.name}/{user}", everything)

    def drop(self) -> None:
        self.call("DELETE", f"/api/vhosts/{self.name}")

    def delete_queue(self, queue: str) -> None:
        self.call("DELETE", f"/api/queues/{self.name}/{quote(queue, safe='')}")

    def close_connections(self) -> int:
        """As an operator would; return how many."""
        found = self.call("GET", f"/api/vhosts/{self.name}/connections")
        for connection in found:
            self.call("DELETE", f"/api/connections/{quote(connection['name'], safe='')}")
        return len(found)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        parts = urlsplit(self.api)
        address = urlunsplit((parts.scheme, f"{parts.hostname}:{parts.port}", path, "", ""))
        token = base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()
        request = urllib.request.Request(
            address,
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return None
        return json.loads(text) if text else None
