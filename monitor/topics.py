"""The topics of a model, by what they are for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from monitor.config import Config

__all__ = ["Topics"]


@dataclass(frozen=True, slots=True)
class Topics:
    """Names of the topics; predictions and outcomes have equally many partitions, summaries and the ledger have one."""

    predictions: str
    outcomes: str
    decisions: str
    answers: str
    reviews: str
    joined: str
    summaries: str
    ledger: str
    dead_letters: str

    @classmethod
    def of(cls, config: Config) -> Topics:
        """The configured names, or <model>.<kind>."""
        return cls(**{each.name: config.kafka.topic(each.name, config.model) for each in fields(cls)})

    def partitions(self, n: int) -> dict[str, int]:
        """Partitions of each topic, if predictions have `n`."""
        single = {self.summaries, self.ledger}
        return {name: 1 if name in single else n for name in (getattr(self, each.name) for each in fields(self))}

    @property
    def consumed(self) -> tuple[str, ...]:
        """What the group shares out."""
        return (self.predictions, self.outcomes, self.answers, self.summaries)

    @property
    def written(self) -> dict[str, str]:
        """What is written to, with the kind of event."""
        return {
            self.decisions: "decision",
            self.answers: "answer",
            self.reviews: "review",
            self.joined: "joined",
            self.dead_letters: "dead-letter",
            self.summaries: "",
            self.ledger: "",
        }
