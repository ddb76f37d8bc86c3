"""Slack's answers to an incoming webhook."""

from typing import Any

from tests.notifications.channels.contract import ChannelContract
from tests.notifications.channels.wires import GARBAGE, answer


class TestSlack(ChannelContract):
    name = "slack"
    settings_needed = {"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/private-path"}
    taken = answer(200, "ok")
    provider_id = ""  # a webhook gives none
    temporary = [answer(500, "rollup_error"), answer(503, GARBAGE)]
    dead = [
        answer(404, "no_service"),
        answer(404, "channel_not_found"),
        answer(410, "channel_is_archived"),
        answer(403, "action_prohibited"),
    ]
    rejected = [answer(400, "invalid_payload"), answer(400, "no_text")]
    limited = answer(429, "rate_limited", retry_after="17")
    garbage = [answer(200, GARBAGE), answer(200, {"ok": True}), answer(302, ""), answer(504, GARBAGE)]

    def test_the_words_of_strangers_mention_nobody_and_format_nothing(self, wire: Any) -> None:
        wire.answers(self.taken)
        self.send()
        assert "Ada &amp; &lt;Bea&gt; paid." in wire.json()["text"]
        assert wire.json()["mrkdwn"] is False
