"""Apache Kafka with logins and rights: a second listener for users, whose rights a test gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from tests.real.kafka import ApacheKafka, free_port

__all__ = ["SecuredKafka"]

_PROPERTIES = """
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {users};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
"""


class SecuredKafka(ApacheKafka):
    """Whoever comes to `bootstrap` may do all; users log in at `secured`, and may do what they were given."""

    def __init__(self, **passwords: str) -> None:
        super().__init__()
        self._secured = free_port()
        config = Path(self._config)
        before = config.read_text()
        controller = before.split("CONTROLLER://127.0.0.1:")[1].split("\n")[0]
        users = " ".join(f'user_{name}="{password}"' for name, password in passwords.items())
        config.write_text(
            before + _PROPERTIES.format(port=self.port, controller=controller, secured=self._secured, users=users)
        )

    @property
    def secured(self) -> str:
        """The address for users."""
        return f"127.0.0.1:{self._secured}"

    def allow(self, user: str, kind: ResourceType, name: str, *operations: ACLOperation) -> None:
        """Give a user rights to one resource."""
        self._allow(user, ResourcePattern(kind, name, ACLResourcePatternType.LITERAL), operations)

    def allow_prefixed(self, user: str, kind: ResourceType, prefix: str, *operations: ACLOperation) -> None:
        """Give a user rights to every resource whose name begins so."""
        self._allow(user, ResourcePattern(kind, prefix, ACLResourcePatternType.PREFIXED), operations)

    def _allow(self, user: str, resource: ResourcePattern, operations: Iterable[ACLOperation]) -> None:
        rights = [ACL(f"User:{user}", "*", each, ACLPermissionType.ALLOW, resource) for each in operations]
        with self.admin() as admin:
            admin.create_acls(rights)
